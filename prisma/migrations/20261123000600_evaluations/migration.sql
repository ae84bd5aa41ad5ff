-- Labelled datasets, and versions run over them. All three tables are private to their tenant.
--   datasets           immutable; the bytes lie in the artifact store under `digest`
--   evaluations        a durable job, as a publication is: the queue is the table, and whoever holds the lease runs it
--   evaluation_chunks  what is kept of each row, chunk by chunk: a resumed evaluation goes on where the last one ended.
--                      Each chunk is one charged prediction; its number is in the prediction's idempotency key
CREATE TABLE "datasets" (
    "id" TEXT NOT NULL,
    "tenant_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "format" TEXT NOT NULL,
    "digest" TEXT NOT NULL,
    "bytes" BIGINT NOT NULL,
    "source_digest" TEXT NOT NULL,
    "source_bytes" BIGINT NOT NULL,
    "rows" INTEGER NOT NULL,
    "columns" JSONB NOT NULL,
    "label_kind" TEXT NOT NULL,
    "classes" JSONB,
    "findings" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "created_by" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "datasets_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "evaluations" (
    "id" TEXT NOT NULL,
    "tenant_id" TEXT NOT NULL,
    "version_id" TEXT NOT NULL,
    "dataset_id" TEXT NOT NULL,
    "dataset_name" TEXT NOT NULL,
    "dataset_digest" TEXT NOT NULL,
    "rows" INTEGER NOT NULL,
    "plan" JSONB NOT NULL,
    "status" TEXT NOT NULL,
    "rows_done" INTEGER NOT NULL DEFAULT 0,
    "charged" INTEGER NOT NULL DEFAULT 0,
    "report" JSONB,
    "failure_code" TEXT,
    "failure_message" TEXT,
    "created_by" TEXT,
    "request_id" TEXT NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "lease_owner" TEXT,
    "lease_expires_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "evaluations_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "evaluation_chunks" (
    "evaluation_id" TEXT NOT NULL,
    "tenant_id" TEXT NOT NULL,
    "index" INTEGER NOT NULL,
    "rows" INTEGER NOT NULL,
    "records" BYTEA NOT NULL,
    "compute_ms" DOUBLE PRECISION NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "evaluation_chunks_pkey" PRIMARY KEY ("evaluation_id", "index")
);

CREATE UNIQUE INDEX "datasets_tenant_id_name_key" ON "datasets"("tenant_id", "name");
CREATE INDEX "datasets_tenant_id_id_idx" ON "datasets"("tenant_id", "id");
CREATE INDEX "datasets_digest_idx" ON "datasets"("digest");
CREATE UNIQUE INDEX "evaluations_id_tenant_id_key" ON "evaluations"("id", "tenant_id");
CREATE INDEX "evaluations_tenant_id_id_idx" ON "evaluations"("tenant_id", "id");
CREATE INDEX "evaluations_tenant_id_finished_at_idx" ON "evaluations"("tenant_id", "finished_at");
CREATE INDEX "evaluations_status_idx" ON "evaluations"("status");
CREATE INDEX "evaluations_dataset_id_idx" ON "evaluations"("dataset_id");

ALTER TABLE "datasets" ADD CONSTRAINT "datasets_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "evaluations" ADD CONSTRAINT "evaluations_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
-- With the tenant: a chunk cannot be put under a neighbour's evaluation.
ALTER TABLE "evaluation_chunks" ADD CONSTRAINT "evaluation_chunks_evaluation_id_tenant_id_fkey" FOREIGN KEY ("evaluation_id", "tenant_id") REFERENCES "evaluations"("id", "tenant_id") ON DELETE RESTRICT ON UPDATE CASCADE;

ALTER TABLE datasets ADD CONSTRAINT datasets_rows CHECK (rows > 0 AND bytes > 0);
ALTER TABLE datasets ADD CONSTRAINT datasets_format CHECK (format IN ('CSV', 'NPZ', 'IMAGES'));
ALTER TABLE evaluations ADD CONSTRAINT evaluations_status CHECK (status IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED'));
ALTER TABLE evaluations ADD CONSTRAINT evaluations_rows_done CHECK (rows_done BETWEEN 0 AND rows);
ALTER TABLE evaluation_chunks ADD CONSTRAINT evaluation_chunks_rows CHECK (rows > 0 AND "index" >= 0);

ALTER TABLE datasets ENABLE ROW LEVEL SECURITY;
ALTER TABLE datasets FORCE ROW LEVEL SECURITY;
ALTER TABLE evaluations ENABLE ROW LEVEL SECURITY;
ALTER TABLE evaluations FORCE ROW LEVEL SECURITY;
ALTER TABLE evaluation_chunks ENABLE ROW LEVEL SECURITY;
ALTER TABLE evaluation_chunks FORCE ROW LEVEL SECURITY;

-- Datasets and chunks are immutable: the application's role has no UPDATE on them.
GRANT SELECT, INSERT, DELETE ON datasets TO souk_app;
GRANT SELECT, INSERT, UPDATE ON evaluations TO souk_app;
GRANT SELECT, INSERT ON evaluation_chunks TO souk_app;

-- Across tenants: only to find out whether anybody refers to bytes.
CREATE POLICY datasets_own ON datasets
    USING (tenant_id = app_tenant_id() OR app_across_tenants())
    WITH CHECK (tenant_id = app_tenant_id());
-- Across tenants: only to lease the next one.
CREATE POLICY evaluations_own ON evaluations
    USING (tenant_id = app_tenant_id() OR app_across_tenants())
    WITH CHECK (tenant_id = app_tenant_id() OR app_across_tenants());
CREATE POLICY evaluation_chunks_own ON evaluation_chunks
    USING (tenant_id = app_tenant_id()) WITH CHECK (tenant_id = app_tenant_id());
