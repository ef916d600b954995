-- Tables, enums, indexes and foreign keys as prisma/schema declares them; by hand: core.activity is partitioned.

-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "auth";

-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "core";

-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "teams";

-- CreateEnum
CREATE TYPE "auth"."session_kind" AS ENUM ('COOKIE', 'BEARER');

-- CreateEnum
CREATE TYPE "auth"."session_end" AS ENUM ('SIGNED_OUT', 'REVOKED', 'PASSWORD_CHANGED', 'PASSWORD_RESET', 'REPLACED', 'DISABLED');

-- CreateEnum
CREATE TYPE "auth"."user_role" AS ENUM ('USER', 'ADMIN');

-- CreateEnum
CREATE TYPE "auth"."token_purpose" AS ENUM ('EMAIL_VERIFICATION', 'PASSWORD_RESET', 'SETUP', 'TEAM_INVITATION');

-- CreateEnum
CREATE TYPE "teams"."team_role" AS ENUM ('OWNER', 'ADMIN', 'MEMBER', 'VIEWER');

-- CreateTable
CREATE TABLE "auth"."passwords" (
    "id" UUID NOT NULL,
    "user_id" TEXT NOT NULL,
    "hash" TEXT NOT NULL,
    "changed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),
    "deletion_id" UUID,

    CONSTRAINT "passwords_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "auth"."sessions" (
    "id" UUID NOT NULL,
    "user_id" TEXT NOT NULL,
    "kind" "auth"."session_kind" NOT NULL,
    "token_hash" BYTEA NOT NULL,
    "authenticated_at" TIMESTAMPTZ(3) NOT NULL,
    "last_used_at" TIMESTAMPTZ(3) NOT NULL,
    "idle_expires_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_at" TIMESTAMPTZ(3),
    "end_reason" "auth"."session_end",
    "address_prefix" TEXT,
    "user_agent" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),
    "deletion_id" UUID,

    CONSTRAINT "sessions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "auth"."throttles" (
    "bucket" TEXT NOT NULL,
    "count" INTEGER NOT NULL DEFAULT 0,
    "window_ends_at" TIMESTAMPTZ(3) NOT NULL,
    "blocked_until" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),

    CONSTRAINT "throttles_pkey" PRIMARY KEY ("bucket")
);

-- CreateTable
CREATE TABLE "auth"."users" (
    "id" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "role" "auth"."user_role" NOT NULL DEFAULT 'USER',
    "email_verified_at" TIMESTAMPTZ(3),
    "disabled_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),
    "deletion_id" UUID,

    CONSTRAINT "users_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "auth"."verification_tokens" (
    "id" UUID NOT NULL,
    "purpose" "auth"."token_purpose" NOT NULL,
    "subject" TEXT NOT NULL,
    "user_id" TEXT,
    "email" TEXT,
    "token_hash" BYTEA NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),
    "deletion_id" UUID,

    CONSTRAINT "verification_tokens_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "core"."activity_origins" (
    "service" TEXT NOT NULL,
    "activity_id" UUID NOT NULL,
    "address" TEXT,
    "user_agent" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "activity_origins_pkey" PRIMARY KEY ("service","activity_id")
);

-- CreateTable
CREATE TABLE "core"."activity" (
    "service" TEXT NOT NULL,
    "id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "event" TEXT NOT NULL,
    "actor_kind" TEXT NOT NULL,
    "actor_id" TEXT,
    "team_id" UUID,
    "user_id" TEXT,
    "data" JSONB NOT NULL,
    "request_id" TEXT,

    CONSTRAINT "activity_pkey" PRIMARY KEY ("service","id","created_at")
) PARTITION BY RANGE ("created_at");

-- CreateTable
CREATE TABLE "core"."feed" (
    "service" TEXT NOT NULL,
    "position" BIGINT NOT NULL,
    "event_id" UUID NOT NULL,
    "event" TEXT NOT NULL,
    "actor_kind" TEXT NOT NULL,
    "actor_id" TEXT,
    "team_id" UUID,
    "user_id" TEXT,
    "data" JSONB NOT NULL,
    "request_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "feed_pkey" PRIMARY KEY ("service","position")
);

-- CreateTable
CREATE TABLE "core"."idempotency_keys" (
    "service" TEXT NOT NULL,
    "owner" TEXT NOT NULL,
    "procedure" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "fingerprint" BYTEA NOT NULL,
    "result" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY ("service","owner","procedure","key")
);

-- CreateTable
CREATE TABLE "core"."inbox" (
    "service" TEXT NOT NULL,
    "consumer" TEXT NOT NULL,
    "event_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "inbox_pkey" PRIMARY KEY ("service","consumer","event_id")
);

-- CreateTable
CREATE TABLE "core"."outbox" (
    "service" TEXT NOT NULL,
    "seq" BIGSERIAL NOT NULL,
    "event_id" UUID NOT NULL,
    "event" TEXT NOT NULL,
    "actor_kind" TEXT NOT NULL,
    "actor_id" TEXT,
    "team_id" UUID,
    "user_id" TEXT,
    "data" JSONB NOT NULL,
    "request_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "outbox_pkey" PRIMARY KEY ("service","seq")
);

-- CreateTable
CREATE TABLE "core"."sequencers" (
    "service" TEXT NOT NULL,
    "position" BIGINT NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "sequencers_pkey" PRIMARY KEY ("service")
);

-- CreateTable
CREATE TABLE "teams"."invitations" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "email" TEXT NOT NULL,
    "role" "teams"."team_role" NOT NULL,
    "invited_by_id" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "accepted_at" TIMESTAMPTZ(3),
    "accepted_by_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),
    "deletion_id" UUID,

    CONSTRAINT "invitations_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "teams"."members" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "user_id" TEXT NOT NULL,
    "role" "teams"."team_role" NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),
    "deletion_id" UUID,

    CONSTRAINT "members_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "teams"."teams" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "slug" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),
    "deletion_id" UUID,

    CONSTRAINT "teams_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "passwords_user_id_key" ON "auth"."passwords"("user_id") WHERE ("deleted_at" IS NULL);

-- CreateIndex
CREATE INDEX "sessions_user_id_created_at_idx" ON "auth"."sessions"("user_id", "created_at");

-- CreateIndex
CREATE INDEX "sessions_expires_at_idx" ON "auth"."sessions"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "sessions_token_hash_key" ON "auth"."sessions"("token_hash");

-- CreateIndex
CREATE INDEX "throttles_window_ends_at_idx" ON "auth"."throttles"("window_ends_at");

-- CreateIndex
CREATE UNIQUE INDEX "users_id_deleted_at_key" ON "auth"."users"("id", "deleted_at");

-- CreateIndex
CREATE UNIQUE INDEX "users_email_key" ON "auth"."users"("email") WHERE ("deleted_at" IS NULL);

-- CreateIndex
CREATE INDEX "verification_tokens_purpose_subject_idx" ON "auth"."verification_tokens"("purpose", "subject");

-- CreateIndex
CREATE INDEX "verification_tokens_user_id_idx" ON "auth"."verification_tokens"("user_id");

-- CreateIndex
CREATE INDEX "verification_tokens_expires_at_idx" ON "auth"."verification_tokens"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "verification_tokens_token_hash_key" ON "auth"."verification_tokens"("token_hash");

-- CreateIndex
CREATE INDEX "activity_origins_created_at_idx" ON "core"."activity_origins"("created_at");

-- CreateIndex
CREATE INDEX "activity_service_team_id_id_idx" ON "core"."activity"("service", "team_id", "id");

-- CreateIndex
CREATE INDEX "activity_service_user_id_id_idx" ON "core"."activity"("service", "user_id", "id");

-- CreateIndex
CREATE INDEX "feed_service_team_id_position_idx" ON "core"."feed"("service", "team_id", "position");

-- CreateIndex
CREATE INDEX "feed_created_at_idx" ON "core"."feed"("created_at");

-- CreateIndex
CREATE UNIQUE INDEX "feed_service_event_id_key" ON "core"."feed"("service", "event_id");

-- CreateIndex
CREATE INDEX "idempotency_keys_created_at_idx" ON "core"."idempotency_keys"("created_at");

-- CreateIndex
CREATE INDEX "inbox_created_at_idx" ON "core"."inbox"("created_at");

-- CreateIndex
CREATE INDEX "invitations_team_id_id_idx" ON "teams"."invitations"("team_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "invitations_team_id_email_key" ON "teams"."invitations"("team_id", "email") WHERE (deleted_at IS NULL AND accepted_at IS NULL);

-- CreateIndex
CREATE INDEX "members_user_id_idx" ON "teams"."members"("user_id");

-- CreateIndex
CREATE INDEX "members_team_id_id_idx" ON "teams"."members"("team_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "members_team_id_user_id_key" ON "teams"."members"("team_id", "user_id") WHERE ("deleted_at" IS NULL);

-- CreateIndex
CREATE UNIQUE INDEX "teams_id_deleted_at_key" ON "teams"."teams"("id", "deleted_at");

-- CreateIndex
CREATE UNIQUE INDEX "teams_slug_key" ON "teams"."teams"("slug") WHERE ("deleted_at" IS NULL);

-- AddForeignKey
ALTER TABLE "auth"."passwords" ADD CONSTRAINT "passwords_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "auth"."users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "auth"."sessions" ADD CONSTRAINT "sessions_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "auth"."users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "auth"."verification_tokens" ADD CONSTRAINT "verification_tokens_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "auth"."users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "teams"."invitations" ADD CONSTRAINT "invitations_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "teams"."teams"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "teams"."members" ADD CONSTRAINT "members_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "teams"."teams"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- The clock by which tokens, sessions and everything else expire. A function of its own, so that a test can move it.
CREATE FUNCTION core.clock() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT date_trunc('milliseconds', clock_timestamp()) $$;

-- The role that the application takes. It belongs to the whole cluster: another database may make it at this very moment.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'plinth_app') THEN
    CREATE ROLE plinth_app NOLOGIN;
  END IF;
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN NULL;
  WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'The role plinth_app is missing and % may not create it', current_user
      USING ERRCODE = 'insufficient_privilege', HINT = 'Let an administrator run: CREATE ROLE plinth_app NOLOGIN; GRANT plinth_app TO ' || quote_ident(current_user);
END $$;

-- Whoever migrates may also act as the application.
DO $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_auth_members
    WHERE roleid = 'plinth_app'::regrole AND member = current_user::regrole AND NOT admin_option
  ) THEN
    GRANT plinth_app TO CURRENT_USER;
  END IF;
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

GRANT USAGE ON SCHEMA auth, teams, core TO plinth_app;

-- Ordinary tables, those of today and those of later migrations.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA auth, teams, core TO plinth_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA auth, teams, core TO plinth_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA auth, teams, core GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO plinth_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA auth, teams, core GRANT USAGE, SELECT ON SEQUENCES TO plinth_app;

-- Append-only.
REVOKE UPDATE, DELETE ON core.activity FROM plinth_app;
-- Never changed, removed when it has served.
REVOKE UPDATE ON core.activity_origins, core.outbox, core.feed, core.inbox FROM plinth_app;
-- A removed sequencer would give positions out again.
REVOKE DELETE ON core.sequencers FROM plinth_app;

-- Makes the partitions of core.activity for last month, this one and `months_ahead` more (UTC); says how many it made.
-- Runs as the owner, who alone may make tables. LIKE and ATTACH instead of PARTITION OF, which would wait for every reader.
-- Two at once: the second waits for the first and finds nothing to do.
CREATE FUNCTION core.ensure_activity_partitions(months_ahead int DEFAULT 3) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
  this_month timestamptz := date_trunc('month', core.clock());
  first_day timestamptz;
  partition text;
  made int := 0;
BEGIN
  IF months_ahead IS NULL OR months_ahead NOT BETWEEN 0 AND 24 THEN
    RAISE EXCEPTION 'months_ahead is %, not 0 to 24', months_ahead USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('core.ensure_activity_partitions', 0));
  FOR month IN -1 .. months_ahead LOOP
    first_day := this_month + make_interval(months => month);
    partition := 'activity_' || to_char(first_day, 'YYYY_MM');
    CONTINUE WHEN to_regclass('core.' || partition) IS NOT NULL;
    EXECUTE format('CREATE TABLE core.%I (LIKE core.activity INCLUDING ALL)', partition);
    EXECUTE format('REVOKE ALL ON core.%I FROM PUBLIC, plinth_app', partition);
    EXECUTE format('GRANT SELECT, INSERT ON core.%I TO plinth_app', partition);
    EXECUTE format('ALTER TABLE core.activity ATTACH PARTITION core.%I FOR VALUES FROM (%L) TO (%L)',
      partition, first_day, first_day + interval '1 month');
    made := made + 1;
  END LOOP;
  RETURN made;
END $$;

REVOKE ALL ON FUNCTION core.ensure_activity_partitions(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION core.ensure_activity_partitions(int) TO plinth_app;

SELECT core.ensure_activity_partitions(3);

-- One sequencer a service. That of a service added later is inserted by the dispatcher when it starts.
INSERT INTO core.sequencers (service) VALUES ('auth'), ('teams');
