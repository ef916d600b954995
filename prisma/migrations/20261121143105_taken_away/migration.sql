-- AlterTable
ALTER TABLE "auth"."passkeys" ADD COLUMN     "removed_at" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "auth"."totp_factors" ADD COLUMN     "removed_at" TIMESTAMPTZ(3);

-- plinth: allow ban-drop-column: no release has ever read or written it
ALTER TABLE "auth"."totp_factors" DROP COLUMN "replaced";

-- Soft delete: guards for the foreign keys of these tables.
SELECT core.guard_soft_deletes();
