-- teams.teams.name becomes title. Expand: the new column beside the old one, and whatever is written into one appears in the other.
ALTER TABLE "teams"."teams" ADD COLUMN "title" TEXT;
ALTER TABLE "teams"."teams" ADD CONSTRAINT "teams_title_required" CHECK ("title" IS NOT NULL) NOT VALID;

CREATE FUNCTION teams.teams_name_is_title() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.title := coalesce(NEW.title, NEW.name);
    NEW.name := NEW.title;
  ELSIF NEW.title IS DISTINCT FROM OLD.title THEN
    NEW.name := NEW.title;
  ELSE
    NEW.title := NEW.name;
  END IF;
  RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION teams.teams_name_is_title() FROM PUBLIC;

CREATE TRIGGER teams_name_is_title BEFORE INSERT OR UPDATE ON "teams"."teams"
FOR EACH ROW EXECUTE FUNCTION teams.teams_name_is_title();

SELECT core.guard_soft_deletes();
