-- What the database itself holds of soft delete (docs/decisions/002-soft-delete.md), for every foreign key between soft tables,
-- that is tables with deleted_at and deletion_id:
--   a deletion goes down along required foreign keys, with the same time and id, and so does its restoration;
--   a living row never points anew to a deleted one, and never requires one.
-- An optional foreign key keeps its value when the parent is deleted; it reads as null until the parent comes back.
-- Every later migration that touches tables ends with: SELECT core.guard_soft_deletes();

-- Runs after deleted_at of a parent changed between null and not null.
-- Arguments: the UPDATE that deletes its children, and the one that revives them. $1 is the parent's new row, $2 its old one.
CREATE FUNCTION core.cascade_soft_delete() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  -- Under a snapshot older than the parent's lock, children that were committed while it waited would be missed.
  IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
    RAISE EXCEPTION 'soft delete needs READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
  END IF;
  EXECUTE TG_ARGV[CASE WHEN NEW.deleted_at IS NULL THEN 1 ELSE 0 END] USING NEW, OLD;
  RETURN NULL;
END $$;

-- The foreign keys between soft tables, with the pieces of SQL that their triggers are made of. `guard` names the function that holds a row
-- of `child` to a living parent; it ends in a hash of what it is made of.
CREATE FUNCTION core.soft_links() RETURNS TABLE (
  name name, child regclass, parent regclass, required boolean, guard text,
  columns text, present text, moved text, of_parent text, of_child text, joined text
)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH soft AS (
    SELECT attrelid FROM pg_attribute
    WHERE attname IN ('deleted_at', 'deletion_id') AND NOT attisdropped GROUP BY attrelid HAVING count(*) = 2
  )
  SELECT
    link.conname, link.conrelid, link.confrelid,
    bool_and(c.attnotnull),
    format('living_parent_%s_%s', left(link.conname, 36),
      left(md5(string_agg(link.conrelid::regclass || c.attname || link.confrelid::regclass || p.attname, ' ' ORDER BY n)), 8)),
    string_agg(format('%I', c.attname), ', ' ORDER BY n),
    string_agg(format('NEW.%I IS NOT NULL', c.attname), ' AND ' ORDER BY n),
    string_agg(format('OLD.%1$I IS DISTINCT FROM NEW.%1$I', c.attname), ' OR ' ORDER BY n),
    string_agg(format('child.%I = ($1).%I', c.attname, p.attname), ' AND ' ORDER BY n),
    string_agg(format('parent.%I = NEW.%I', p.attname, c.attname), ' AND ' ORDER BY n),
    string_agg(format('parent.%I = child.%I', p.attname, c.attname), ' AND ' ORDER BY n)
  FROM pg_constraint AS link
  CROSS JOIN unnest(link.conkey, link.confkey) WITH ORDINALITY AS pair (child_column, parent_column, n)
  JOIN pg_attribute AS c ON c.attrelid = link.conrelid AND c.attnum = child_column
  JOIN pg_attribute AS p ON p.attrelid = link.confrelid AND p.attnum = parent_column
  WHERE link.contype = 'f' AND link.conparentid = 0
    AND link.conrelid IN (SELECT attrelid FROM soft) AND link.confrelid IN (SELECT attrelid FROM soft)
  GROUP BY link.oid, link.conname, link.conrelid, link.confrelid
$$;

-- The triggers there should be. A trigger's name ends in a hash of its definition, so that a changed foreign key gets new ones.
-- A child of two parents that one deletion took is revived with the last of them: until then the other is still deleted.
CREATE FUNCTION core.wanted_soft_delete_triggers() RETURNS TABLE (name text, on_table regclass, definition text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH link AS (
    SELECT * FROM core.soft_links()
  ), revival AS (
    SELECT child, string_agg(format(
      ' AND NOT EXISTS (SELECT FROM %s AS parent WHERE %s AND parent.deletion_id = ($2).deletion_id)', parent, joined
    ), '' ORDER BY name) AS no_parent_waits
    FROM link WHERE required GROUP BY child
  ), trigger (kind, link_name, on_table, definition) AS (
    SELECT 'cascade', link.name, link.parent, format(
      'AFTER UPDATE OF deleted_at ON %s FOR EACH ROW WHEN ((OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL)) '
      'EXECUTE FUNCTION core.cascade_soft_delete(%L, %L)',
      link.parent,
      format('UPDATE %s AS child SET deleted_at = ($1).deleted_at, deletion_id = ($1).deletion_id WHERE %s AND child.deleted_at IS NULL',
        link.child, of_parent),
      format('UPDATE %s AS child SET deleted_at = NULL, deletion_id = NULL WHERE %s AND child.deletion_id = ($2).deletion_id%s',
        link.child, of_parent, no_parent_waits))
    FROM link JOIN revival USING (child) WHERE required
    UNION ALL
    SELECT 'insert', link.name, child, format(
      'AFTER INSERT ON %s FOR EACH ROW WHEN (NEW.deleted_at IS NULL AND %s) EXECUTE FUNCTION core.%I()', child, present, guard)
    FROM link
    UNION ALL
    SELECT 'update', link.name, child, format(
      'AFTER UPDATE OF %s, deleted_at ON %s FOR EACH ROW WHEN (NEW.deleted_at IS NULL AND %s AND (%s%s)) EXECUTE FUNCTION core.%I()',
      columns, child, present, moved, CASE WHEN required THEN ' OR OLD.deleted_at IS NOT NULL' END, guard)
    FROM link
  )
  SELECT format('soft_delete_%s_%s_%s', kind, left(link_name, 32), left(md5(link_name || on_table || definition), 8)), on_table, definition
  FROM trigger
$$;

-- What is missing, in words; a test keeps it empty. A parent without the unique index would let a child slip in beside its deletion.
CREATE FUNCTION core.soft_delete_gaps() RETURNS TABLE (gap text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT format('%s lacks its trigger %s', wanted.on_table, wanted.name)
  FROM core.wanted_soft_delete_triggers() AS wanted
  LEFT JOIN pg_trigger AS present ON present.tgrelid = wanted.on_table AND present.tgname = wanted.name
  WHERE present.tgenabled IS DISTINCT FROM 'O'
  UNION ALL
  SELECT DISTINCT format('%s lacks a unique index on (its key, deleted_at)', link.parent)
  FROM core.soft_links() AS link
  WHERE NOT EXISTS (
    SELECT FROM pg_index AS index
    JOIN pg_attribute AS deleted ON deleted.attrelid = index.indrelid AND deleted.attname = 'deleted_at'
    WHERE index.indrelid = link.parent AND indisunique AND indimmediate AND indisvalid AND indpred IS NULL AND indexprs IS NULL
      AND deleted.attnum = ANY ((indkey::smallint[])[0:indnkeyatts - 1])
  )
$$;

-- Makes the function that refuses a living row of a link's child whose parent is deleted. It is written out for each link, because a
-- plan that is kept costs a fifth of one that is made anew for each row. FOR KEY SHARE lets the parent's other columns change, but not
-- deleted_at: the unique index on (key, deleted_at) makes that a key column.
CREATE FUNCTION core.make_living_parent_guard(guard text, parent regclass, of_child text, link_name name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $make$
BEGIN
  EXECUTE format($function$
    CREATE FUNCTION core.%I() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      PERFORM FROM %s AS parent WHERE %s AND parent.deleted_at IS NULL FOR KEY SHARE;
      IF NOT FOUND THEN
        RAISE EXCEPTION 'a living row of %%.%% would point to a deleted row', TG_TABLE_SCHEMA, TG_TABLE_NAME
          USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'soft_delete_guard', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
            DETAIL = %L;
      END IF;
      RETURN NULL;
    END $$
  $function$, guard, parent, of_child, 'soft_delete_guard: ' || link_name);
  EXECUTE format('REVOKE ALL ON FUNCTION core.%I() FROM PUBLIC', guard);
END $make$;

-- Makes the triggers that are wanted and drops those that are not. Leaves alone, and unlocked, what is right already.
CREATE FUNCTION core.guard_soft_deletes() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  stale record;
  wanted record;
  gaps text;
BEGIN
  FOR stale IN
    SELECT tgname, tgrelid::regclass AS on_table FROM pg_trigger
    WHERE tgname LIKE 'soft\_delete\_%' AND NOT tgisinternal AND tgparentid = 0
      AND (tgname::text, tgrelid::regclass) NOT IN (SELECT name, on_table FROM core.wanted_soft_delete_triggers())
  LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', stale.tgname, stale.on_table);
  END LOOP;
  FOR stale IN
    SELECT proname FROM pg_proc
    WHERE pronamespace = 'core'::regnamespace AND proname LIKE 'living\_parent\_%'
      AND proname::text NOT IN (SELECT guard FROM core.soft_links())
  LOOP
    EXECUTE format('DROP FUNCTION core.%I()', stale.proname);
  END LOOP;
  PERFORM core.make_living_parent_guard(guard, parent, of_child, name) FROM core.soft_links()
    WHERE guard NOT IN (SELECT proname FROM pg_proc WHERE pronamespace = 'core'::regnamespace);
  FOR wanted IN
    SELECT * FROM core.wanted_soft_delete_triggers() AS trigger
    WHERE NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = trigger.on_table AND tgname = trigger.name)
  LOOP
    EXECUTE format('CREATE TRIGGER %I %s', wanted.name, wanted.definition);
  END LOOP;
  SELECT string_agg(gap, '; ') INTO gaps FROM core.soft_delete_gaps();
  IF gaps IS NOT NULL THEN
    RAISE EXCEPTION 'soft delete is not guarded: %', gaps USING ERRCODE = 'invalid_schema_definition';
  END IF;
END $$;

REVOKE ALL ON FUNCTION core.guard_soft_deletes(), core.make_living_parent_guard(text, regclass, text, name) FROM PUBLIC;

SELECT core.guard_soft_deletes();
