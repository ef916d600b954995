-- AlterEnum
ALTER TYPE "auth"."session_end" ADD VALUE 'REMEMBERED_TWICE';

-- AlterEnum
-- This migration adds more than one value to an enum.
-- With PostgreSQL versions 11 and earlier, this is not possible
-- in a single migration. This can be worked around by creating
-- multiple migrations, each migration adding only one value to
-- the enum.


ALTER TYPE "auth"."token_purpose" ADD VALUE 'RECOVERY_CODE';
ALTER TYPE "auth"."token_purpose" ADD VALUE 'EMAIL_SIGN_IN';
ALTER TYPE "auth"."token_purpose" ADD VALUE 'EMAIL_STEP_UP';
ALTER TYPE "auth"."token_purpose" ADD VALUE 'REMEMBERED';

-- AlterTable
ALTER TABLE "auth"."sessions" ADD COLUMN     "remembered_as" UUID;

-- AlterTable
ALTER TABLE "auth"."verification_tokens" ADD COLUMN     "remembered_as" UUID;

-- Soft delete: guards for the foreign keys of these tables.
SELECT core.guard_soft_deletes();
