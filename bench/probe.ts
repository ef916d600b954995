/** Loaded into a process before its program (`node --import`): tells how much CPU it has used when it is asked over IPC, and does nothing else. */
process.on('message', (message) => {
  if (message !== 'cpu') return
  const { user, system } = process.cpuUsage()
  process.send?.({ cpu: user + system })
})
// The channel alone keeps no process alive.
process.channel?.unref()
