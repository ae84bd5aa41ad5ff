-- The ledger by month. An event lies in the partition of the month that pays; "charged once" still is the primary key,
-- because whoever retries a charge comes with the same lease, and so with the same month.

ALTER TABLE usage_events RENAME TO usage_events_before;
ALTER TABLE usage_events_before RENAME CONSTRAINT usage_events_pkey TO usage_events_before_pkey;
DROP INDEX usage_events_tenant_id_created_at_id_idx, usage_events_tenant_id_request_id_idx, usage_events_by_alias;

CREATE TABLE usage_events (
    id TEXT NOT NULL,
    -- PREDICTION; CORRECTION and REFUND change what an earlier one counts for.
    kind TEXT NOT NULL DEFAULT 'PREDICTION',
    corrects_id TEXT,
    reason TEXT,
    tenant_id TEXT NOT NULL,
    user_id TEXT,
    api_key_id TEXT,
    request_id TEXT NOT NULL,
    owner_tenant_id TEXT NOT NULL,
    model_id TEXT NOT NULL,
    model_name TEXT NOT NULL,
    version_id TEXT NOT NULL,
    version_number INTEGER NOT NULL,
    digest TEXT NOT NULL,
    alias TEXT,
    runtime TEXT NOT NULL,
    worker TEXT NOT NULL,
    batch_size INTEGER NOT NULL,
    batch_rows INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    units INTEGER NOT NULL,
    -- Of the inputs.
    bytes BIGINT NOT NULL,
    queue_ms DOUBLE PRECISION NOT NULL,
    batch_ms DOUBLE PRECISION NOT NULL,
    load_ms DOUBLE PRECISION NOT NULL,
    -- Of the run, which all of its batch shared.
    compute_ms DOUBLE PRECISION NOT NULL,
    -- What of it is charged: this prediction's share, whole, so that sums are exact.
    compute_us BIGINT NOT NULL,
    -- Final; in millionths of the currency.
    cost_micros BIGINT NOT NULL DEFAULT 0,
    currency TEXT,
    subscription_id TEXT,
    period_start TIMESTAMPTZ(3) NOT NULL,
    created_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT usage_events_pkey PRIMARY KEY (id, period_start),
    -- A usage event lies in the month that it was charged to: sums by time and sums by quota are then the same. One that
    -- was admitted in the last second of January and answered in February is dated to the last millisecond of January.
    CONSTRAINT usage_events_month
        CHECK (date_trunc('month', created_at AT TIME ZONE 'UTC') = period_start AT TIME ZONE 'UTC'),
    CONSTRAINT usage_events_kind CHECK (kind IN ('PREDICTION', 'CORRECTION', 'REFUND')),
    CONSTRAINT usage_events_measures CHECK (
        CASE WHEN kind = 'PREDICTION'
            THEN corrects_id IS NULL AND units > 0 AND rows >= 0 AND bytes >= 0 AND compute_us >= 0 AND cost_micros >= 0
            ELSE corrects_id IS NOT NULL AND reason IS NOT NULL
        END
    ),
    CONSTRAINT usage_events_price CHECK (cost_micros = 0 OR (currency IS NOT NULL AND subscription_id IS NOT NULL))
) PARTITION BY RANGE (period_start);

CREATE INDEX usage_events_tenant_id_created_at_id_idx ON usage_events(tenant_id, created_at, id);
CREATE INDEX usage_events_tenant_id_request_id_idx ON usage_events(tenant_id, request_id);
-- Who uses an alias, for its owner: see the migration `aliases`.
CREATE INDEX usage_events_by_alias ON usage_events(
        model_id, alias, tenant_id, (CASE WHEN api_key_id IS NULL THEN '' ELSE api_key_id END), created_at
    ) INCLUDE (api_key_id, owner_tenant_id) WHERE alias IS NOT NULL;

ALTER TABLE usage_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE usage_events FORCE ROW LEVEL SECURITY;
CREATE POLICY usage_events_own ON usage_events
    USING (tenant_id = app_tenant_id()) WITH CHECK (tenant_id = app_tenant_id());
CREATE POLICY usage_events_of_owner ON usage_events FOR SELECT
    USING (app_across_tenants() AND owner_tenant_id = app_tenant_id());
GRANT SELECT, INSERT ON usage_events TO souk_app;

-- Whatever has no month of its own yet. A partition is reached through its parent alone: nobody is granted anything on it,
-- and a policy that is not there lets nobody in.
CREATE TABLE usage_events_default PARTITION OF usage_events DEFAULT;
ALTER TABLE usage_events_default ENABLE ROW LEVEL SECURITY;

-- Makes the partition of a month, and moves there what the default one has of it. Answers whether it was made now.
-- The application may ask for it and not make tables otherwise: the function runs as the owner.
CREATE FUNCTION ensure_usage_partition(p_month TIMESTAMPTZ)
RETURNS BOOLEAN LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    v_start TIMESTAMPTZ := date_trunc('month', p_month);
    v_name TEXT := 'usage_events_' || to_char(v_start, 'YYYY_MM');
BEGIN
    IF to_regclass(v_name) IS NOT NULL THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('usage_events partitions'));
    IF to_regclass(v_name) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE usage_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', v_name);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', v_name);
    -- Nobody may add to the default one between the move and the attachment.
    LOCK TABLE usage_events_default IN ACCESS EXCLUSIVE MODE;
    EXECUTE format(
        'WITH moved AS (DELETE FROM usage_events_default WHERE period_start = $1 RETURNING *)
         INSERT INTO %I SELECT * FROM moved', v_name) USING v_start;
    EXECUTE format('ALTER TABLE usage_events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        v_name, v_start, v_start + INTERVAL '1 month');
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION ensure_usage_partition(TIMESTAMPTZ) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ensure_usage_partition(TIMESTAMPTZ) TO souk_app;

ALTER TABLE usage_events_before NO FORCE ROW LEVEL SECURITY;
SELECT ensure_usage_partition(month) FROM (
    SELECT DISTINCT period_start AS month FROM usage_events_before
    UNION SELECT date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
) months;
ALTER TABLE usage_events NO FORCE ROW LEVEL SECURITY;
INSERT INTO usage_events (id, tenant_id, user_id, api_key_id, request_id, owner_tenant_id, model_id, model_name, version_id,
    version_number, digest, alias, runtime, worker, batch_size, batch_rows, rows, units, bytes, queue_ms, batch_ms, load_ms,
    compute_ms, compute_us, period_start, created_at)
SELECT id, tenant_id, user_id, api_key_id, request_id, owner_tenant_id, model_id, model_name, version_id,
    version_number, digest, alias, runtime, worker, batch_size, greatest(batch_rows, rows), rows, units,
    -- Not known of those before.
    0, queue_ms, batch_ms, load_ms, compute_ms,
    ceil(compute_ms * 1000 * CASE WHEN rows = 0 THEN 1 ELSE rows::float8 / greatest(batch_rows, rows) END)::bigint,
    period_start, created_at
FROM usage_events_before;
ALTER TABLE usage_events FORCE ROW LEVEL SECURITY;
DROP TABLE usage_events_before;
