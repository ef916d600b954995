-- Fills a column that a new release will read, in batches that each commit: nobody waits longer than for one batch (docs/migrations.md).
-- Sets `target` to `expression` in every row of `in_table` where it is null and the expression is not. `by` is the primary key, in whose order it goes.
-- Rows that somebody holds are passed over and filled in the next round. Killed, it goes on with what is still null.
-- Run by a migration without a transaction: CALL core.backfill('teams.teams', 'title', 'name');
CREATE PROCEDURE core.backfill(in_table regclass, target name, expression text, by name DEFAULT 'id', batch int DEFAULT 1000, pause_ms int DEFAULT 5)
LANGUAGE plpgsql AS $$
DECLARE
  -- No SET clause: a procedure that has one may not commit. So every name is written out.
  missing text := pg_catalog.format('%I IS NULL AND (%s) IS NOT NULL', target, expression);
  key_type text;
  last_key text;
  seen bigint;
  remaining boolean;
BEGIN
  SELECT pg_catalog.format_type(atttypid, atttypmod) INTO STRICT key_type FROM pg_catalog.pg_attribute WHERE attrelid = in_table AND attname = by;
  LOOP
    last_key := NULL;
    LOOP
      EXECUTE pg_catalog.format($batch$
        WITH part AS (
          SELECT %2$I AS key FROM %1$s WHERE %3$s ORDER BY %2$I LIMIT %4$s
        ), free AS (
          SELECT %2$I AS key FROM %1$s WHERE %2$I IN (SELECT key FROM part) AND %5$s ORDER BY %2$I FOR NO KEY UPDATE SKIP LOCKED
        ), filled AS (
          UPDATE %1$s SET %6$I = %7$s WHERE %2$I IN (SELECT key FROM free)
        )
        SELECT (SELECT key::text FROM part ORDER BY key DESC LIMIT 1), (SELECT pg_catalog.count(*) FROM part)
      $batch$, in_table, by, CASE WHEN last_key IS NULL THEN 'true' ELSE pg_catalog.format('%I > %L::%s', by, last_key, key_type) END,
        batch, missing, target, expression) INTO last_key, seen;
      COMMIT;
      EXIT WHEN seen < batch;
      PERFORM pg_catalog.pg_sleep(pause_ms / 1000.0);
    END LOOP;
    EXECUTE pg_catalog.format('SELECT EXISTS (SELECT FROM %s WHERE %s)', in_table, missing) INTO remaining;
    EXIT WHEN NOT remaining;
    COMMIT;
    PERFORM pg_catalog.pg_sleep(0.1);
  END LOOP;
END $$;

REVOKE ALL ON PROCEDURE core.backfill(regclass, name, text, name, int, int) FROM PUBLIC;
