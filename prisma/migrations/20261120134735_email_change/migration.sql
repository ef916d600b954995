-- AlterEnum
ALTER TYPE "auth"."token_purpose" ADD VALUE 'EMAIL_CHANGE_APPROVAL';
ALTER TYPE "auth"."token_purpose" ADD VALUE 'EMAIL_CHANGE_PROOF';
ALTER TYPE "auth"."token_purpose" ADD VALUE 'EMAIL_CHANGE_UNDO';

-- CreateTable
CREATE TABLE "auth"."email_changes" (
    "id" UUID NOT NULL,
    "user_id" TEXT NOT NULL,
    "from_email" TEXT NOT NULL,
    "to_email" TEXT NOT NULL,
    "approved_at" TIMESTAMPTZ(3),
    "proven_at" TIMESTAMPTZ(3),
    "completed_at" TIMESTAMPTZ(3),
    "undone_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),
    "deletion_id" UUID,

    CONSTRAINT "email_changes_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "email_changes_user_id_idx" ON "auth"."email_changes"("user_id");

-- CreateIndex
CREATE INDEX "email_changes_created_at_idx" ON "auth"."email_changes"("created_at");

-- CreateIndex
CREATE UNIQUE INDEX "email_changes_user_id_key" ON "auth"."email_changes"("user_id") WHERE ("completed_at" IS NULL AND "deleted_at" IS NULL);

-- AddForeignKey
ALTER TABLE "auth"."email_changes" ADD CONSTRAINT "email_changes_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "auth"."users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- Soft delete: guards for the foreign keys of these tables.
SELECT core.guard_soft_deletes();
