/** The web process of a campaign: the server as it is, except that it does not outlive the harness. */
process.on('disconnect', () => process.exit(0))

await import('../../src/index.ts')
