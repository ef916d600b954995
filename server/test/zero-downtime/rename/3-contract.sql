-- Contract: once no process of the release that knew `name` is left.
-- plinth: allow adding-not-nullable-field: the CHECK that was validated says it, so that the table is not read again
ALTER TABLE "teams"."teams" ALTER COLUMN "title" SET NOT NULL;
ALTER TABLE "teams"."teams" DROP CONSTRAINT "teams_title_required";
DROP TRIGGER teams_name_is_title ON "teams"."teams";
-- plinth: allow breaks-running-code: the function of the trigger that was just dropped, called by nothing else
DROP FUNCTION teams.teams_name_is_title();
-- plinth: allow ban-drop-column: the release that runs reads and writes title alone
ALTER TABLE "teams"."teams" DROP COLUMN "name";

SELECT core.guard_soft_deletes();
