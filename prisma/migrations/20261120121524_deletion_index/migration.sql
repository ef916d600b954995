-- CreateIndex
CREATE INDEX "users_deletion_id_idx" ON "auth"."users"("deletion_id");

-- CreateIndex
CREATE INDEX "teams_deletion_id_idx" ON "teams"."teams"("deletion_id");
