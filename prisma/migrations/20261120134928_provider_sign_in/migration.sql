-- CreateEnum
CREATE TYPE "auth"."provider_purpose" AS ENUM ('SIGN_IN', 'LINK', 'STEP_UP');

-- AlterTable
ALTER TABLE "auth"."verification_tokens" ADD COLUMN     "sign_up_identity" TEXT;

-- CreateTable
CREATE TABLE "auth"."oauth_accounts" (
    "id" UUID NOT NULL,
    "user_id" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "email" TEXT,
    "name" TEXT,
    "sealed_token" TEXT,
    "last_used_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),
    "deletion_id" UUID,

    CONSTRAINT "oauth_accounts_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "auth"."provider_attempts" (
    "id" UUID NOT NULL,
    "provider" TEXT NOT NULL,
    "purpose" "auth"."provider_purpose" NOT NULL,
    "kind" "auth"."session_kind" NOT NULL,
    "state_hash" BYTEA NOT NULL,
    "holder_hash" BYTEA NOT NULL,
    "return_to" TEXT NOT NULL,
    "user_id" TEXT,
    "pin_id" TEXT,
    "sealed_pin" TEXT,
    "asked_at" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),
    "deletion_id" UUID,

    CONSTRAINT "provider_attempts_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "oauth_accounts_user_id_idx" ON "auth"."oauth_accounts"("user_id");

-- CreateIndex
CREATE UNIQUE INDEX "oauth_accounts_provider_subject_key" ON "auth"."oauth_accounts"("provider", "subject") WHERE ("deleted_at" IS NULL);

-- CreateIndex
CREATE INDEX "provider_attempts_user_id_idx" ON "auth"."provider_attempts"("user_id");

-- CreateIndex
CREATE INDEX "provider_attempts_expires_at_idx" ON "auth"."provider_attempts"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "provider_attempts_state_hash_key" ON "auth"."provider_attempts"("state_hash");

-- AddForeignKey
ALTER TABLE "auth"."oauth_accounts" ADD CONSTRAINT "oauth_accounts_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "auth"."users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "auth"."provider_attempts" ADD CONSTRAINT "provider_attempts_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "auth"."users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- Soft delete: guards for the foreign keys of these tables.
SELECT core.guard_soft_deletes();
