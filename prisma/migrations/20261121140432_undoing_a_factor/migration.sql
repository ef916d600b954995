-- AlterEnum
ALTER TYPE "auth"."token_purpose" ADD VALUE 'FACTOR_UNDO';

-- AlterTable
ALTER TABLE "auth"."totp_factors" ADD COLUMN     "replaced" UUID;

-- Soft delete: guards for the foreign keys of these tables.
SELECT core.guard_soft_deletes();
