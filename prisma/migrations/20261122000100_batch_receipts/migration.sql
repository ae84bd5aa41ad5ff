-- What a receipt says of the batch: its rows, and how long the request waited for company. Predictions from before
-- ran alone: they waited for nobody, and whoever reads takes at least their own rows for those of the batch.
ALTER TABLE usage_events ADD COLUMN batch_rows INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_events ADD COLUMN batch_ms DOUBLE PRECISION NOT NULL DEFAULT 0;

-- Charges predictions of one tenant and writes their usage events. Returns the ids of those that are in the
-- ledger now: one whose reservation was given back is not charged and not returned; one that was charged
-- before (a retry after a lost connection) is returned and not charged again.
CREATE OR REPLACE FUNCTION settle_quota(p_tenant_id TEXT, p_events JSONB)
RETURNS SETOF TEXT LANGUAGE plpgsql AS $$
DECLARE
    v_claims JSONB;
BEGIN
    WITH claims AS (
        -- The reservation is the licence to charge: deleting it is what makes this happen once.
        DELETE FROM reservations r USING jsonb_to_recordset(p_events) AS e(reservation_id TEXT)
        WHERE r.id = e.reservation_id AND r.tenant_id = p_tenant_id
        RETURNING r.id, r.api_key_id, r.period_start, r.units
    ), events AS (
        INSERT INTO usage_events (
            id, tenant_id, user_id, api_key_id, request_id, owner_tenant_id, model_id, model_name, version_id,
            version_number, digest, runtime, worker, batch_size, rows, units, queue_ms, load_ms, compute_ms,
            batch_rows, batch_ms, period_start, created_at
        )
        SELECT e.id, p_tenant_id, e.user_id, c.api_key_id, e.request_id, e.owner_tenant_id, e.model_id, e.model_name,
            e.version_id, e.version_number, e.digest, e.runtime, e.worker, e.batch_size, e.rows, c.units, e.queue_ms,
            e.load_ms, e.compute_ms, e.batch_rows, e.batch_ms, c.period_start, e.at
        FROM claims c JOIN jsonb_to_recordset(p_events) AS e(
            reservation_id TEXT, id TEXT, user_id TEXT, request_id TEXT, owner_tenant_id TEXT, model_id TEXT,
            model_name TEXT, version_id TEXT, version_number INTEGER, digest TEXT, runtime TEXT, worker TEXT,
            batch_size INTEGER, rows INTEGER, queue_ms DOUBLE PRECISION, load_ms DOUBLE PRECISION,
            compute_ms DOUBLE PRECISION, batch_rows INTEGER, batch_ms DOUBLE PRECISION, at TIMESTAMPTZ
        ) ON e.reservation_id = c.id
    )
    SELECT jsonb_agg(to_jsonb(c) - 'id') INTO v_claims FROM claims c;

    PERFORM move_quota(p_tenant_id, v_claims, true);
    RETURN QUERY SELECT u.id FROM usage_events u
        WHERE u.tenant_id = p_tenant_id
            AND u.id IN (SELECT e.id FROM jsonb_to_recordset(p_events) AS e(id TEXT));
END
$$;
