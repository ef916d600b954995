-- Takes the partitions of core.activity away whose last day was more than 13 months ago (UTC), and says how many. Runs as the owner: the application
-- may remove no activity. The time is not a parameter, so that nobody who is the application can shorten it.
CREATE FUNCTION core.drop_old_activity() RETURNS int
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
  oldest_kept date := date_trunc('month', core.clock() - interval '13 months');
  partition text;
  dropped int := 0;
BEGIN
  FOR partition IN
    SELECT child.relname
    FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
    WHERE inhparent = 'core.activity'::regclass AND child.relname ~ '^activity_\d{4}_\d{2}$'
      AND to_date(right(child.relname, 7), 'YYYY_MM') < oldest_kept
    ORDER BY child.relname
  LOOP
    EXECUTE format('DROP TABLE core.%I', partition);
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END $$;

REVOKE ALL ON FUNCTION core.drop_old_activity() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION core.drop_old_activity() TO plinth_app;
