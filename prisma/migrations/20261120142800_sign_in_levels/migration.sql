-- CreateEnum
CREATE TYPE "auth"."sign_in_method" AS ENUM ('PASSWORD', 'PASSKEY', 'TOTP', 'RECOVERY_CODE', 'EMAIL', 'PROVIDER', 'PLEX', 'REMEMBERED');

-- AlterEnum
ALTER TYPE "auth"."token_purpose" ADD VALUE 'SECOND_FACTOR';

-- AlterTable
ALTER TABLE "auth"."sessions" ADD COLUMN     "impersonator_id" TEXT,
ADD COLUMN     "level" SMALLINT NOT NULL DEFAULT 1,
ADD COLUMN     "methods" "auth"."sign_in_method"[] DEFAULT ARRAY[]::"auth"."sign_in_method"[];

-- AlterTable
ALTER TABLE "auth"."verification_tokens" ADD COLUMN     "kind" "auth"."session_kind",
ADD COLUMN     "methods" "auth"."sign_in_method"[] DEFAULT ARRAY[]::"auth"."sign_in_method"[],
ADD COLUMN     "tries" SMALLINT NOT NULL DEFAULT 0;

-- CreateTable
CREATE TABLE "auth"."totp_factors" (
    "id" UUID NOT NULL,
    "user_id" TEXT NOT NULL,
    "sealed_secret" TEXT NOT NULL,
    "confirmed_at" TIMESTAMPTZ(3),
    "last_step" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),
    "deletion_id" UUID,

    CONSTRAINT "totp_factors_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "totp_factors_user_id_idx" ON "auth"."totp_factors"("user_id");

-- CreateIndex
CREATE UNIQUE INDEX "totp_factors_confirmed_key" ON "auth"."totp_factors"("user_id") WHERE ("confirmed_at" IS NOT NULL AND "deleted_at" IS NULL);

-- CreateIndex
CREATE UNIQUE INDEX "totp_factors_unconfirmed_key" ON "auth"."totp_factors"("user_id") WHERE ("confirmed_at" IS NULL AND "deleted_at" IS NULL);

-- AddForeignKey
ALTER TABLE "auth"."totp_factors" ADD CONSTRAINT "totp_factors_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "auth"."users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- Soft delete: guards for the foreign keys of these tables.
SELECT core.guard_soft_deletes();
