-- plinth: no-transaction
-- By which an erasure and the nightly removals find their rows.
-- CreateIndex
CREATE INDEX CONCURRENTLY IF NOT EXISTS "application_invitations_accepted_by_id_idx" ON "auth"."application_invitations"("accepted_by_id") WHERE ("accepted_by_id" IS NOT NULL);

-- CreateIndex
CREATE INDEX CONCURRENTLY IF NOT EXISTS "memberships_deleted_at_idx" ON "auth"."memberships"("deleted_at") WHERE ("deleted_at" IS NOT NULL);

-- CreateIndex
CREATE INDEX CONCURRENTLY IF NOT EXISTS "oauth_accounts_deleted_at_idx" ON "auth"."oauth_accounts"("deleted_at") WHERE ("deleted_at" IS NOT NULL);

-- CreateIndex
CREATE INDEX CONCURRENTLY IF NOT EXISTS "passkeys_deleted_at_idx" ON "auth"."passkeys"("deleted_at") WHERE ("deleted_at" IS NOT NULL);

-- CreateIndex
CREATE INDEX CONCURRENTLY IF NOT EXISTS "passwords_user_id_idx" ON "auth"."passwords"("user_id");

-- CreateIndex
CREATE INDEX CONCURRENTLY IF NOT EXISTS "passwords_deleted_at_idx" ON "auth"."passwords"("deleted_at") WHERE ("deleted_at" IS NOT NULL);

-- CreateIndex
CREATE INDEX CONCURRENTLY IF NOT EXISTS "users_unproven_idx" ON "auth"."users"("id") WHERE ("email_verified_at" IS NULL AND "deleted_at" IS NULL);

-- CreateIndex
CREATE INDEX CONCURRENTLY IF NOT EXISTS "verification_tokens_email_idx" ON "auth"."verification_tokens"("email") WHERE ("email" IS NOT NULL);

-- CreateIndex
CREATE INDEX CONCURRENTLY IF NOT EXISTS "billing_contacts_email_idx" ON "teams"."billing_contacts"("email");

-- CreateIndex
CREATE INDEX CONCURRENTLY IF NOT EXISTS "invitations_email_idx" ON "teams"."invitations"("email");

-- CreateIndex
CREATE INDEX CONCURRENTLY IF NOT EXISTS "invitations_accepted_by_id_idx" ON "teams"."invitations"("accepted_by_id") WHERE ("accepted_by_id" IS NOT NULL);

-- CreateIndex
CREATE INDEX CONCURRENTLY IF NOT EXISTS "invitations_expires_at_idx" ON "teams"."invitations"("expires_at");

-- CreateIndex
CREATE INDEX CONCURRENTLY IF NOT EXISTS "members_deleted_at_idx" ON "teams"."members"("deleted_at") WHERE ("deleted_at" IS NOT NULL);

-- CreateIndex
CREATE INDEX CONCURRENTLY IF NOT EXISTS "profiles_user_id_idx" ON "profile"."profiles"("user_id");
