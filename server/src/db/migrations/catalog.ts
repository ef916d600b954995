/**
 * What a database is made of, as PostgreSQL's own catalogue tells it: columns, constraints, indexes, functions, triggers, rights.
 * Two such listings are compared to find what somebody changed by hand, also what Prisma's schema has no word for.
 */
import type pg from 'pg'

/** One listing: the name of a thing, and everything about it. */
export type Catalog = ReadonlyMap<string, string>

/** The role that the application takes. */
const role = 'plinth_app'

/** Partitions come with the calendar, and pg_stat_statements with the server: neither is anybody's change. */
const listing = `
WITH schemas AS (
  SELECT oid, nspname FROM pg_namespace
  WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public') AND nspname <> ALL ($1)
), relations AS (
  SELECT c.oid, c.relname, c.relkind, c.relacl, c.relowner, s.nspname, s.nspname || '.' || c.relname AS name
  FROM pg_class c JOIN schemas s ON s.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND NOT c.relispartition
)
SELECT 'schema ' || nspname AS thing, has_schema_privilege('${role}', oid, 'USAGE')::text AS definition FROM schemas
UNION ALL
SELECT 'table ' || name, relkind::text || coalesce(' ' || pg_get_partkeydef(oid), '') FROM relations
UNION ALL
SELECT 'rights on ' || name, coalesce((
    SELECT string_agg(privilege_type, ', ' ORDER BY privilege_type) FROM aclexplode(relacl) WHERE grantee IN (0, '${role}'::regrole)
  ), 'none') FROM relations
UNION ALL
SELECT 'column ' || r.name || '.' || a.attname,
  concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END, pg_get_expr(d.adbin, d.adrelid))
FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum WHERE r.relkind <> 'S'
UNION ALL
SELECT 'index ' || r.nspname || '.' || x.relname, pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' INVALID' END
FROM relations r JOIN pg_index i ON i.indrelid = r.oid JOIN pg_class x ON x.oid = i.indexrelid
UNION ALL
SELECT 'constraint ' || r.name || '.' || c.conname, pg_get_constraintdef(c.oid)
FROM relations r JOIN pg_constraint c ON c.conrelid = r.oid AND c.contype <> 'n'
UNION ALL
SELECT 'trigger ' || r.name || '.' || t.tgname, pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text
FROM relations r JOIN pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal
UNION ALL
SELECT 'function ' || p.oid::regprocedure, pg_get_functiondef(p.oid) || coalesce((
    SELECT string_agg(CASE grantee WHEN 0 THEN 'PUBLIC' ELSE 'app' END, ',' ORDER BY grantee) FROM aclexplode(p.proacl) WHERE grantee IN (0, '${role}'::regrole)
  ), ' default rights')
FROM pg_proc p JOIN schemas s ON s.oid = p.pronamespace WHERE p.prokind IN ('f', 'p')
UNION ALL
SELECT 'type ' || s.nspname || '.' || t.typname, (SELECT string_agg(enumlabel, ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid)
FROM pg_type t JOIN schemas s ON s.oid = t.typnamespace WHERE t.typtype = 'e'
UNION ALL
SELECT 'later ' || CASE d.defaclobjtype WHEN 'r' THEN 'tables' ELSE d.defaclobjtype::text END || ' in ' || s.nspname,
  (SELECT string_agg(privilege_type, ', ' ORDER BY privilege_type) FROM aclexplode(d.defaclacl) WHERE grantee = '${role}'::regrole)
FROM pg_default_acl d JOIN schemas s ON s.oid = d.defaclnamespace`

/** Lists what a database is made of, except in these schemas, whose makers migrate them themselves. */
export async function readCatalog(client: pg.ClientBase, except: readonly string[]): Promise<Catalog> {
  const { rows } = await client.query<{ thing: string; definition: string | null }>({ text: listing, values: [except] })
  return new Map(rows.map(({ thing, definition }) => [thing, definition ?? '']))
}

/** Lists, a line each, what differs between what was expected and what is there. */
export function differences(expected: Catalog, found: Catalog): string[] {
  const things = [...new Set([...expected.keys(), ...found.keys()])].toSorted()
  return things.flatMap((thing) => {
    const [wanted, actual] = [expected.get(thing), found.get(thing)]
    if (wanted === actual) return []
    if (actual === undefined) return [`${thing} is missing`]
    if (wanted === undefined) return [`${thing} is in no migration`]
    return [`${thing} is\n    ${actual}\n  and should be\n    ${wanted}`]
  })
}

/** Lists what breaks the rules on which the application's role rests, whatever the migrations say: no power, no table of its own, an activity log that only grows. */
export async function brokenRules(client: pg.ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ fault: string }>(`
    SELECT 'the role ${role} is missing' AS fault WHERE to_regrole('${role}') IS NULL
    UNION ALL
    SELECT 'the role ${role} may ' || power FROM pg_roles,
      LATERAL (VALUES (rolsuper, 'do everything (superuser)'), (rolcreaterole, 'make roles'), (rolcreatedb, 'make databases'), (rolbypassrls, 'pass by row security'), (rolreplication, 'replicate')) AS powers (has, power)
    WHERE rolname = '${role}' AND has
    UNION ALL
    SELECT 'the role ${role} is a member of ' || roleid::regrole FROM pg_auth_members WHERE member = to_regrole('${role}')
    UNION ALL
    SELECT 'the role ${role} owns ' || oid::regclass FROM pg_class WHERE relowner = to_regrole('${role}')
    UNION ALL
    SELECT 'the role ${role} may ' || right_ || ' ' || c.oid::regclass
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS right_
    WHERE n.nspname = 'core' AND c.relname ~ '^activity(_[0-9]{4}_[0-9]{2})?$' AND c.relkind IN ('r', 'p')
      AND to_regrole('${role}') IS NOT NULL AND has_table_privilege('${role}', c.oid, right_)
    UNION ALL
    SELECT 'the role ${role} may TRUNCATE ' || c.oid::regclass
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'core') AND c.relkind IN ('r', 'p')
      AND to_regrole('${role}') IS NOT NULL AND has_table_privilege('${role}', c.oid, 'TRUNCATE')`)
  return rows.map(({ fault }) => fault)
}
