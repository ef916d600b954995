-- DropIndex
DROP INDEX "auth"."sessions_expires_at_idx";

-- AlterTable
ALTER TABLE "auth"."verification_tokens" ADD COLUMN     "sign_up_hash" TEXT,
ADD COLUMN     "sign_up_name" TEXT;

-- CreateIndex
CREATE INDEX "sessions_revoked_at_idx" ON "auth"."sessions"("revoked_at") WHERE ("revoked_at" IS NOT NULL);

-- CreateIndex
CREATE INDEX "sessions_idle_expires_at_idx" ON "auth"."sessions"("idle_expires_at");

-- Soft delete: guards for the foreign keys of these tables.
SELECT core.guard_soft_deletes();
