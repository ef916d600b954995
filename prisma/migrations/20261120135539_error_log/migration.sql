-- CreateTable
CREATE TABLE "core"."error_log" (
    "service" TEXT NOT NULL,
    "id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "procedure" TEXT,
    "request_id" TEXT,
    "actor_id" TEXT,
    "type" TEXT NOT NULL,
    "code" TEXT,
    "message" TEXT NOT NULL,
    "stack" TEXT NOT NULL,
    "same_as" TEXT NOT NULL,

    CONSTRAINT "error_log_pkey" PRIMARY KEY ("service","id")
);

-- CreateIndex
CREATE INDEX "error_log_id_idx" ON "core"."error_log"("id");

-- CreateIndex
CREATE INDEX "error_log_request_id_idx" ON "core"."error_log"("request_id");

-- CreateIndex
CREATE INDEX "error_log_created_at_idx" ON "core"."error_log"("created_at");

-- Soft delete: guards for the foreign keys of these tables.
SELECT core.guard_soft_deletes();

-- Never changed, removed when it has served.
REVOKE UPDATE ON core.error_log FROM plinth_app;
