-- CreateEnum
CREATE TYPE "auth"."application_type" AS ENUM ('WEB', 'SPA', 'NATIVE', 'MACHINE');

-- CreateEnum
CREATE TYPE "auth"."membership_role" AS ENUM ('OWNER', 'ADMIN', 'USER', 'RESEARCHER', 'MANAGER', 'CLIENT', 'GUEST', 'CUSTOMER', 'VENDOR');

-- AlterEnum
ALTER TYPE "auth"."token_purpose" ADD VALUE 'APPLICATION_INVITATION';

-- CreateTable
CREATE TABLE "auth"."application_invitations" (
    "id" UUID NOT NULL,
    "application_id" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "role" "auth"."membership_role" NOT NULL,
    "invited_by_id" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "accepted_at" TIMESTAMPTZ(3),
    "accepted_by_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),
    "deletion_id" UUID,

    CONSTRAINT "application_invitations_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "auth"."application_secrets" (
    "id" UUID NOT NULL,
    "application_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "secret_hash" BYTEA NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_at" TIMESTAMPTZ(3),
    "created_by_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),
    "deletion_id" UUID,

    CONSTRAINT "application_secrets_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "auth"."applications" (
    "id" TEXT NOT NULL,
    "type" "auth"."application_type" NOT NULL,
    "name" TEXT NOT NULL,
    "home_page" TEXT,
    "client_id" TEXT NOT NULL,
    "built_in" TEXT,
    "redirect_uris" TEXT[],
    "allowed_origins" TEXT[],
    "active" BOOLEAN NOT NULL DEFAULT true,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),
    "deletion_id" UUID,

    CONSTRAINT "applications_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "auth"."memberships" (
    "id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "application_id" TEXT NOT NULL,
    "role" "auth"."membership_role" NOT NULL,
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "active" BOOLEAN NOT NULL DEFAULT true,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),
    "deletion_id" UUID,

    CONSTRAINT "memberships_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "application_invitations_application_id_id_idx" ON "auth"."application_invitations"("application_id", "id");

-- CreateIndex
CREATE INDEX "application_invitations_email_idx" ON "auth"."application_invitations"("email");

-- CreateIndex
CREATE INDEX "application_invitations_expires_at_idx" ON "auth"."application_invitations"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "application_invitations_application_id_email_key" ON "auth"."application_invitations"("application_id", "email") WHERE (deleted_at IS NULL AND accepted_at IS NULL);

-- CreateIndex
CREATE INDEX "application_secrets_application_id_id_idx" ON "auth"."application_secrets"("application_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "application_secrets_secret_hash_key" ON "auth"."application_secrets"("secret_hash");

-- CreateIndex
CREATE INDEX "applications_deletion_id_idx" ON "auth"."applications"("deletion_id");

-- CreateIndex
CREATE UNIQUE INDEX "applications_id_deleted_at_key" ON "auth"."applications"("id", "deleted_at");

-- CreateIndex
CREATE UNIQUE INDEX "applications_client_id_key" ON "auth"."applications"("client_id");

-- CreateIndex
CREATE UNIQUE INDEX "applications_built_in_key" ON "auth"."applications"("built_in");

-- CreateIndex
CREATE INDEX "memberships_user_id_id_idx" ON "auth"."memberships"("user_id", "id");

-- CreateIndex
CREATE INDEX "memberships_application_id_id_idx" ON "auth"."memberships"("application_id", "id");

-- CreateIndex
CREATE INDEX "memberships_deletion_id_idx" ON "auth"."memberships"("deletion_id");

-- CreateIndex
CREATE UNIQUE INDEX "memberships_id_deleted_at_key" ON "auth"."memberships"("id", "deleted_at");

-- CreateIndex
CREATE UNIQUE INDEX "memberships_user_id_application_id_key" ON "auth"."memberships"("user_id", "application_id") WHERE ("deleted_at" IS NULL);

-- AddForeignKey
ALTER TABLE "auth"."application_invitations" ADD CONSTRAINT "application_invitations_application_id_fkey" FOREIGN KEY ("application_id") REFERENCES "auth"."applications"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "auth"."application_secrets" ADD CONSTRAINT "application_secrets_application_id_fkey" FOREIGN KEY ("application_id") REFERENCES "auth"."applications"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "auth"."memberships" ADD CONSTRAINT "memberships_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "auth"."users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "auth"."memberships" ADD CONSTRAINT "memberships_application_id_fkey" FOREIGN KEY ("application_id") REFERENCES "auth"."applications"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- By hand, from here on.

-- Every installation has them: the services of the house, as applications that people have roles in. Their ids are the same everywhere.
ALTER TABLE "auth"."applications" ADD CONSTRAINT "applications_built_in_check" CHECK (built_in IN ('audits', 'media', 'payments')),
ADD CONSTRAINT "applications_built_in_stays_check" CHECK (built_in IS NULL OR deleted_at IS NULL);

INSERT INTO "auth"."applications" (id, type, name, client_id, built_in, redirect_uris, allowed_origins, updated_at) VALUES
  ('kjq918pvwcp6xiyr32dt2jkw', 'WEB', 'Audits', 'audits', 'audits', '{}', '{}', core.clock()),
  ('cd4lfzcribpsf0txqizowdf5', 'WEB', 'Media', 'media', 'media', '{}', '{}', core.clock()),
  ('qjbi749jceoccablkvnhlam6', 'WEB', 'Payments', 'payments', 'payments', '{}', '{}', core.clock());

-- A role belongs to its application (services/auth/application-roles.ts says the same, and a test compares the two).
CREATE FUNCTION auth.require_role_of_application() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  service text := (SELECT built_in FROM auth.applications WHERE id = NEW.application_id);
  roles text[] := CASE service
    WHEN 'audits' THEN '{ADMIN, RESEARCHER, MANAGER, CLIENT, GUEST}'
    WHEN 'media' THEN '{ADMIN, USER}'
    WHEN 'payments' THEN '{ADMIN, CUSTOMER, VENDOR}'
    ELSE '{OWNER, ADMIN, USER}'
  END;
BEGIN
  IF NEW.role::text = ANY (roles) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'the application has no role %', NEW.role USING ERRCODE = 'check_violation', CONSTRAINT = 'role_of_application';
END $$;

CREATE TRIGGER require_role_of_application BEFORE INSERT OR UPDATE OF role, application_id ON "auth"."memberships"
  FOR EACH ROW EXECUTE FUNCTION auth.require_role_of_application();
CREATE TRIGGER require_role_of_application BEFORE INSERT OR UPDATE OF role, application_id ON "auth"."application_invitations"
  FOR EACH ROW EXECUTE FUNCTION auth.require_role_of_application();

-- What is remembered of a person's sessions, keys and roles is forgotten when the account itself changes, whoever changes it.
CREATE FUNCTION auth.tell_of_account() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_notify('plinth_revoked', 'u:' || NEW.id);
  RETURN NULL;
END $$;

CREATE TRIGGER tell_of_account AFTER UPDATE OF role, disabled_at, deleted_at ON "auth"."users"
  FOR EACH ROW WHEN ((OLD.role, OLD.disabled_at, OLD.deleted_at) IS DISTINCT FROM (NEW.role, NEW.disabled_at, NEW.deleted_at))
  EXECUTE FUNCTION auth.tell_of_account();

REVOKE ALL ON FUNCTION auth.require_role_of_application(), auth.tell_of_account() FROM PUBLIC;

-- Soft delete: guards for the foreign keys of these tables.
SELECT core.guard_soft_deletes();
