/** One run of the erasure in a process of its own, for whoever kills it in the middle. */
import { connectDatabase } from '#db'
import { readConfig } from '#lib/config.ts'
import { useMail } from '#lib/mail.ts'
import { useSecret } from '#lib/secrets.ts'
import { personalData } from '../../../src/personal-data.ts'
import { eraseDueAccounts } from '../../../src/services/auth/erasure.ts'
import { usePersonalData } from '../../../src/services/auth/index.ts'

process.on('disconnect', () => process.exit(0))

const config = readConfig(process.env)
useSecret(config.PLINTH_SECRET)
useMail(config)
usePersonalData(personalData)
await connectDatabase(config)
process.send?.('ready')
await eraseDueAccounts()
process.exit(0)
