-- AlterTable
ALTER TABLE "core"."activity" ADD COLUMN     "impersonator_id" TEXT;
