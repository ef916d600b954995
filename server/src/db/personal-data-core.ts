/** What the house itself holds of people: ids, and for thirty days the addresses behind what they did. */
import { definePersonalData } from './personal-data.ts'

export const personalData = definePersonalData('core', {
  activity: {
    impersonal: 'Ids and values that are not personal: it goes on referring to a tombstone. What is about a person, their export lists.',
  },
  activityOrigin: {
    impersonal: 'Addresses and agents, removed after thirty days: before the days of grace of a deactivated account are over.',
  },
  outboxEntry: { impersonal: 'Events, for the moment until they are dispatched: ids alone.' },
  feedEntry: { impersonal: 'Events, for 35 days: ids alone.' },
  inboxEntry: { impersonal: 'Which consumer has seen which event.' },
  idempotencyKey: { impersonal: 'Results of calls, removed after a day: before the days of grace of a deactivated account are over.' },
  errorLogEntry: { impersonal: 'Faults of ours, without values: who met one is an id, which goes on referring to a tombstone.' },
  sequencer: { impersonal: 'A number for each service.' },
})
