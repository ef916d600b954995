-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "profile";
GRANT USAGE ON SCHEMA "profile" TO plinth_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA "profile" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO plinth_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA "profile" GRANT USAGE, SELECT ON SEQUENCES TO plinth_app;

-- AlterTable
ALTER TABLE "teams"."teams" ADD COLUMN     "settings" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 1;

-- CreateTable
CREATE TABLE "profile"."profiles" (
    "id" UUID NOT NULL,
    "user_id" TEXT NOT NULL,
    "display_name" TEXT NOT NULL,
    "locale" TEXT NOT NULL DEFAULT 'en',
    "time_zone" TEXT NOT NULL DEFAULT 'UTC',
    "phone" TEXT,
    "address" JSONB,
    "bio" TEXT,
    "avatar_url" TEXT,
    "preferences" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),
    "deletion_id" UUID,

    CONSTRAINT "profiles_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "teams"."billing_contacts" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "address" TEXT,
    "tax_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),
    "deletion_id" UUID,

    CONSTRAINT "billing_contacts_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "profiles_user_id_key" ON "profile"."profiles"("user_id") WHERE ("deleted_at" IS NULL);

-- CreateIndex
CREATE UNIQUE INDEX "billing_contacts_team_id_key" ON "teams"."billing_contacts"("team_id") WHERE ("deleted_at" IS NULL);

-- AddForeignKey
ALTER TABLE "teams"."billing_contacts" ADD CONSTRAINT "billing_contacts_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "teams"."teams"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- Soft delete: guards for the foreign keys of these tables.
SELECT core.guard_soft_deletes();
