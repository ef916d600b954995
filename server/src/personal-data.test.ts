import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { personalData } from './personal-data.ts'

const schema = join(import.meta.dirname, '../../prisma/schema')

interface Model {
  readonly name: string
  readonly service: string
  readonly columns: string[]
}

/** Every model, as its schema file has it: read here anew, so that nothing generated can hide one. */
const models = readdirSync(schema, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.prisma') && path !== 'base.prisma')
  .flatMap((path) =>
    readFileSync(join(schema, path), 'utf8')
      .split(/^(?=model )/m)
      .slice(1),
  )
  .map((text): Model => {
    const name = /^model (\w+)/.exec(text)?.[1] ?? ''
    const columns = [...text.matchAll(/^  (\w+) +(?:String|Json|Bytes|DateTime)\b/gm)].map((match) => match[1] ?? '')
    return { name: name.charAt(0).toLowerCase() + name.slice(1), service: /@@schema\("(\w+)"\)/.exec(text)?.[1] ?? '', columns }
  })

const ruleOf = ({ name, service }: Model) => personalData.find((source) => source.service === service)?.tables[name]

/** Names of columns that hold what people are known by. */
const telling = /email|name$|address|agent|phone|avatar|bio|locale|birth|subject$|^userId$|ById$/i

describe('what is held of people', () => {
  test('is said of every table of every service', () => {
    expect(models.length).toBeGreaterThan(15)
    expect(models.filter((model) => ruleOf(model) === undefined).map(({ name }) => name)).toEqual([])
  })

  test.each(models.map((model) => [model.name, model] as const))(
    '%s: a column that people are known by has an owner, or a reason',
    (_, model) => {
      const rule = ruleOf(model)
      const found = model.columns.filter((column) => telling.test(column))
      if (!rule) throw new Error('There is no rule')
      if ('impersonal' in rule) {
        expect(rule.impersonal.length).toBeGreaterThan(20)
        return expect(model.columns.filter((column) => /email|phone|birth|^bio$|displayName/i.test(column))).toEqual([])
      }
      expect(rule.of.length > 0 || rule.address !== undefined).toBe(true)
      // Of what stays, nothing may be left that tells who it was.
      if (rule.erasure !== 'REMOVE')
        expect(found.filter((column) => !(column in (rule.erasure as (now: Date) => object)(new Date())))).toEqual([])
    },
  )
})
