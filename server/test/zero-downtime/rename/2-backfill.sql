-- plinth: no-transaction
-- The rows that nobody has written since: in batches that each commit. Then the database vouches for all of them.
CALL core.backfill('teams.teams', 'title', 'name');
ALTER TABLE "teams"."teams" VALIDATE CONSTRAINT "teams_title_required";
