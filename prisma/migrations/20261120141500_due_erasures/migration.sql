-- plinth: no-transaction
-- CreateIndex
CREATE INDEX CONCURRENTLY IF NOT EXISTS "users_erase_after_idx" ON "auth"."users"("erase_after") WHERE ("erase_after" IS NOT NULL);
