-- plinth: no-transaction
-- CreateIndex
CREATE INDEX CONCURRENTLY IF NOT EXISTS "sessions_impersonator_id_idx" ON "auth"."sessions"("impersonator_id") WHERE ("impersonator_id" IS NOT NULL);

-- CreateIndex
CREATE INDEX CONCURRENTLY IF NOT EXISTS "users_email_idx" ON "auth"."users" USING GIN ("email" gin_trgm_ops);

-- CreateIndex
CREATE INDEX CONCURRENTLY IF NOT EXISTS "users_name_idx" ON "auth"."users" USING GIN ("name" gin_trgm_ops);

-- CreateIndex
CREATE INDEX CONCURRENTLY IF NOT EXISTS "users_role_idx" ON "auth"."users"("role") WHERE ("role" = 'ADMIN');
