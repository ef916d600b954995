-- AlterEnum
ALTER TYPE "auth"."session_end" ADD VALUE 'DEACTIVATED';

-- AlterEnum
ALTER TYPE "auth"."token_purpose" ADD VALUE 'ACCOUNT_REACTIVATION';

-- AlterTable
ALTER TABLE "auth"."users" ADD COLUMN     "erase_after" TIMESTAMPTZ(3),
ADD COLUMN     "erased_at" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "auth"."data_exports" (
    "id" UUID NOT NULL,
    "user_id" TEXT NOT NULL,
    "sealed" TEXT,
    "ready_at" TIMESTAMPTZ(3),
    "downloaded_at" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),
    "deletion_id" UUID,

    CONSTRAINT "data_exports_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "data_exports_user_id_idx" ON "auth"."data_exports"("user_id");

-- CreateIndex
CREATE INDEX "data_exports_expires_at_idx" ON "auth"."data_exports"("expires_at");

-- AddForeignKey
ALTER TABLE "auth"."data_exports" ADD CONSTRAINT "data_exports_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "auth"."users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- Soft delete: guards for the foreign keys of these tables.
SELECT core.guard_soft_deletes();
