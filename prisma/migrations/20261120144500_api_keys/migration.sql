-- AlterTable
ALTER TABLE "core"."activity" ADD COLUMN     "api_key_id" UUID;

-- CreateTable
CREATE TABLE "auth"."api_keys" (
    "id" UUID NOT NULL,
    "user_id" TEXT NOT NULL,
    "membership_id" TEXT,
    "name" TEXT NOT NULL,
    "key_hash" BYTEA NOT NULL,
    "scopes" TEXT[],
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "last_used_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),
    "deletion_id" UUID,

    CONSTRAINT "api_keys_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "api_keys_user_id_id_idx" ON "auth"."api_keys"("user_id", "id");

-- CreateIndex
CREATE INDEX "api_keys_membership_id_idx" ON "auth"."api_keys"("membership_id");

-- CreateIndex
CREATE UNIQUE INDEX "api_keys_key_hash_key" ON "auth"."api_keys"("key_hash");

-- AddForeignKey
ALTER TABLE "auth"."api_keys" ADD CONSTRAINT "api_keys_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "auth"."users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "auth"."api_keys" ADD CONSTRAINT "api_keys_membership_id_fkey" FOREIGN KEY ("membership_id") REFERENCES "auth"."memberships"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- By hand: a key that was deleted stays dead when its account comes back, and one that was made for a membership ends with it.
CREATE FUNCTION auth.end_deleted_key() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  NEW.revoked_at := coalesce(NEW.revoked_at, NEW.deleted_at);
  RETURN NEW;
END $$;

CREATE TRIGGER end_deleted_key BEFORE UPDATE OF deleted_at ON "auth"."api_keys"
  FOR EACH ROW WHEN (NEW.deleted_at IS NOT NULL) EXECUTE FUNCTION auth.end_deleted_key();

CREATE FUNCTION auth.end_keys_of_membership() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE auth.api_keys SET revoked_at = NEW.deleted_at, updated_at = NEW.deleted_at WHERE membership_id = NEW.id AND revoked_at IS NULL;
  RETURN NULL;
END $$;

CREATE TRIGGER end_keys_of_membership AFTER UPDATE OF deleted_at ON "auth"."memberships"
  FOR EACH ROW WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL) EXECUTE FUNCTION auth.end_keys_of_membership();

REVOKE ALL ON FUNCTION auth.end_deleted_key(), auth.end_keys_of_membership() FROM PUBLIC;

-- Soft delete: guards for the foreign keys of these tables.
SELECT core.guard_soft_deletes();
