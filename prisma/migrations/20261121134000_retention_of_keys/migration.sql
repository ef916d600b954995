-- plinth: no-transaction
-- CreateIndex
CREATE INDEX CONCURRENTLY IF NOT EXISTS "api_keys_revoked_at_idx" ON "auth"."api_keys"("revoked_at") WHERE ("revoked_at" IS NOT NULL);

-- CreateIndex
CREATE INDEX CONCURRENTLY IF NOT EXISTS "api_keys_expires_at_idx" ON "auth"."api_keys"("expires_at");

-- CreateIndex
CREATE INDEX CONCURRENTLY IF NOT EXISTS "application_secrets_revoked_at_idx" ON "auth"."application_secrets"("revoked_at") WHERE ("revoked_at" IS NOT NULL);

-- CreateIndex
CREATE INDEX CONCURRENTLY IF NOT EXISTS "application_secrets_expires_at_idx" ON "auth"."application_secrets"("expires_at");
