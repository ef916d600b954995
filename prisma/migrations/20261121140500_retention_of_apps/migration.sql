-- plinth: no-transaction
-- CreateIndex
CREATE INDEX CONCURRENTLY IF NOT EXISTS "totp_factors_deleted_at_idx" ON "auth"."totp_factors"("deleted_at") WHERE ("deleted_at" IS NOT NULL);
