-- CreateEnum
CREATE TYPE "auth"."passkey_purpose" AS ENUM ('REGISTER', 'SIGN_IN', 'SECOND_FACTOR', 'STEP_UP');

-- CreateTable
CREATE TABLE "auth"."passkey_challenges" (
    "id" UUID NOT NULL,
    "purpose" "auth"."passkey_purpose" NOT NULL,
    "challenge_hash" BYTEA NOT NULL,
    "holder_hash" BYTEA NOT NULL,
    "kind" "auth"."session_kind" NOT NULL,
    "user_id" TEXT,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),
    "deletion_id" UUID,

    CONSTRAINT "passkey_challenges_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "auth"."passkeys" (
    "id" UUID NOT NULL,
    "user_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "credential_id" TEXT NOT NULL,
    "public_key" BYTEA NOT NULL,
    "counter" BIGINT NOT NULL,
    "transports" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "verifies_person" BOOLEAN NOT NULL,
    "backed_up" BOOLEAN NOT NULL,
    "last_used_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),
    "deletion_id" UUID,

    CONSTRAINT "passkeys_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "passkey_challenges_user_id_idx" ON "auth"."passkey_challenges"("user_id");

-- CreateIndex
CREATE INDEX "passkey_challenges_expires_at_idx" ON "auth"."passkey_challenges"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "passkey_challenges_challenge_hash_key" ON "auth"."passkey_challenges"("challenge_hash");

-- CreateIndex
CREATE INDEX "passkeys_user_id_idx" ON "auth"."passkeys"("user_id");

-- CreateIndex
CREATE UNIQUE INDEX "passkeys_credential_id_key" ON "auth"."passkeys"("credential_id") WHERE ("deleted_at" IS NULL);

-- AddForeignKey
ALTER TABLE "auth"."passkey_challenges" ADD CONSTRAINT "passkey_challenges_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "auth"."users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "auth"."passkeys" ADD CONSTRAINT "passkeys_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "auth"."users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- Soft delete: guards for the foreign keys of these tables.
SELECT core.guard_soft_deletes();
