-- Quotas that are exact under concurrency. Every change of `quota_counters` and `reservations` goes through
-- the three functions below, each one statement for the caller, so that a hot counter is locked for one
-- round trip only. They run with the rights of the caller: row-level security holds inside them too.
--
-- Order of locks, the same everywhere, so that nobody waits in a circle:
--   reservation rows -> the tenant's counter -> counters of API keys.
-- The tenant's counter is locked by everyone who touches a key's counter of the same month, so it also
-- serves as the lock of those.

-- Counters are rewritten with every prediction: room on the page keeps those updates out of the indexes.
ALTER TABLE quota_counters SET (fillfactor = 50);
ALTER TABLE reservations SET (fillfactor = 70);

ALTER TABLE quota_counters ADD CONSTRAINT quota_counters_month
    CHECK (date_trunc('month', period_start AT TIME ZONE 'UTC') = period_start AT TIME ZONE 'UTC');
-- A usage event lies in the month that it was charged to: sums by time and sums by quota are then the same. One that
-- was admitted in the last second of January and answered in February is dated to the last millisecond of January.
ALTER TABLE usage_events ADD CONSTRAINT usage_events_month
    CHECK (date_trunc('month', created_at AT TIME ZONE 'UTC') = period_start AT TIME ZONE 'UTC');

-- Locks a counter, made on demand, and returns it as it is under the lock.
CREATE FUNCTION lock_quota_counter(p_tenant_id TEXT, p_subject TEXT, p_subject_id TEXT, p_period_start TIMESTAMPTZ)
RETURNS quota_counters LANGUAGE plpgsql AS $$
DECLARE
    v_counter quota_counters;
BEGIN
    SELECT * INTO v_counter FROM quota_counters
        WHERE subject = p_subject AND subject_id = p_subject_id AND period_start = p_period_start FOR UPDATE;
    IF NOT FOUND THEN
        -- Another request may make it at the same moment: then this waits for that one, and takes its row.
        INSERT INTO quota_counters (tenant_id, subject, subject_id, period_start)
            VALUES (p_tenant_id, p_subject, p_subject_id, p_period_start) ON CONFLICT DO NOTHING;
        SELECT * INTO STRICT v_counter FROM quota_counters
            WHERE subject = p_subject AND subject_id = p_subject_id AND period_start = p_period_start FOR UPDATE;
    END IF;
    RETURN v_counter;
END
$$;

-- Claims units of the tenant's and, if given, the API key's allowance: of both or of none. One row comes back.
-- Limits are read after the counter is locked: under READ COMMITTED each statement sees what is committed when
-- it begins, so no reservation counts against a limit that was changed before it got its turn.
CREATE FUNCTION reserve_quota(
    p_reservation_id TEXT, p_tenant_id TEXT, p_api_key_id TEXT, p_units BIGINT,
    p_period_start TIMESTAMPTZ, p_expires_at TIMESTAMPTZ, p_now TIMESTAMPTZ
)
RETURNS TABLE (admitted BOOLEAN, subject TEXT, quota_limit BIGINT, used BIGINT, remaining BIGINT)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_tenant quota_counters;
    v_tenant_limit BIGINT;
    v_key quota_counters;
    v_key_limit BIGINT;
BEGIN
    -- A crash of Postgres may lose a reservation, together with its part of `reserved`: the units come back and
    -- the prediction cannot settle. So nobody needs to wait for the disk here; `settle_quota` does wait.
    PERFORM set_config('synchronous_commit', 'off', true);

    v_tenant := lock_quota_counter(p_tenant_id, 'TENANT', p_tenant_id, p_period_start);
    SELECT p.predictions_per_month INTO v_tenant_limit FROM tenant_plans p WHERE p.tenant_id = p_tenant_id;
    IF v_tenant.used + v_tenant.reserved + p_units > v_tenant_limit THEN
        RETURN QUERY SELECT false, 'TENANT', v_tenant_limit, v_tenant.used, greatest(v_tenant_limit - v_tenant.used - v_tenant.reserved, 0);
        RETURN;
    END IF;

    IF p_api_key_id IS NOT NULL THEN
        v_key := lock_quota_counter(p_tenant_id, 'API_KEY', p_api_key_id, p_period_start);
        SELECT k.predictions_per_month INTO STRICT v_key_limit FROM api_keys k
            WHERE k.id = p_api_key_id AND k.tenant_id = p_tenant_id;
        IF v_key.used + v_key.reserved + p_units > v_key_limit THEN
            RETURN QUERY SELECT false, 'API_KEY', v_key_limit, v_key.used, greatest(v_key_limit - v_key.used - v_key.reserved, 0);
            RETURN;
        END IF;
    END IF;

    UPDATE quota_counters c SET reserved = c.reserved + p_units
        WHERE c.subject = 'TENANT' AND c.subject_id = p_tenant_id AND c.period_start = p_period_start;
    UPDATE quota_counters c SET reserved = c.reserved + p_units
        WHERE c.subject = 'API_KEY' AND c.subject_id = p_api_key_id AND c.period_start = p_period_start;
    INSERT INTO reservations (id, tenant_id, api_key_id, period_start, units, expires_at, created_at)
        VALUES (p_reservation_id, p_tenant_id, p_api_key_id, p_period_start, p_units, p_expires_at, p_now);
    -- `least` passes over nulls: an allowance without a limit does not bound what is left.
    RETURN QUERY SELECT true, NULL::TEXT, NULL::BIGINT, NULL::BIGINT, least(
        v_tenant_limit - v_tenant.used - v_tenant.reserved - p_units,
        v_key_limit - v_key.used - v_key.reserved - p_units
    );
END
$$;

-- Ends the claims of one tenant in `p_claims` ([{api_key_id, period_start, units}]): takes them off `reserved`
-- and, when they are charged, adds them to `used`.
CREATE FUNCTION move_quota(p_tenant_id TEXT, p_claims JSONB, p_charge BOOLEAN)
RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
    UPDATE quota_counters c
        SET reserved = c.reserved - s.units, used = c.used + CASE WHEN p_charge THEN s.units ELSE 0 END
        FROM (
            SELECT e.period_start, sum(e.units) AS units
            FROM jsonb_to_recordset(p_claims) AS e(period_start TIMESTAMPTZ, units BIGINT) GROUP BY 1
        ) s
        WHERE c.subject = 'TENANT' AND c.subject_id = p_tenant_id AND c.period_start = s.period_start;
    UPDATE quota_counters c
        SET reserved = c.reserved - s.units, used = c.used + CASE WHEN p_charge THEN s.units ELSE 0 END
        FROM (
            SELECT e.api_key_id, e.period_start, sum(e.units) AS units
            FROM jsonb_to_recordset(p_claims) AS e(api_key_id TEXT, period_start TIMESTAMPTZ, units BIGINT)
            WHERE e.api_key_id IS NOT NULL GROUP BY 1, 2
        ) s
        WHERE c.subject = 'API_KEY' AND c.subject_id = s.api_key_id AND c.period_start = s.period_start;
END
$$;

-- Charges predictions of one tenant and writes their usage events. Returns the ids of those that are in the
-- ledger now: one whose reservation was given back is not charged and not returned; one that was charged
-- before (a retry after a lost connection) is returned and not charged again.
CREATE FUNCTION settle_quota(p_tenant_id TEXT, p_events JSONB)
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
            period_start, created_at
        )
        SELECT e.id, p_tenant_id, e.user_id, c.api_key_id, e.request_id, e.owner_tenant_id, e.model_id, e.model_name,
            e.version_id, e.version_number, e.digest, e.runtime, e.worker, e.batch_size, e.rows, c.units, e.queue_ms,
            e.load_ms, e.compute_ms, c.period_start,
            e.at
        FROM claims c JOIN jsonb_to_recordset(p_events) AS e(
            reservation_id TEXT, id TEXT, user_id TEXT, request_id TEXT, owner_tenant_id TEXT, model_id TEXT,
            model_name TEXT, version_id TEXT, version_number INTEGER, digest TEXT, runtime TEXT, worker TEXT,
            batch_size INTEGER, rows INTEGER, queue_ms DOUBLE PRECISION, load_ms DOUBLE PRECISION,
            compute_ms DOUBLE PRECISION, at TIMESTAMPTZ
        ) ON e.reservation_id = c.id
    )
    SELECT jsonb_agg(to_jsonb(c) - 'id') INTO v_claims FROM claims c;

    PERFORM move_quota(p_tenant_id, v_claims, true);
    RETURN QUERY SELECT u.id FROM usage_events u
        WHERE u.tenant_id = p_tenant_id
            AND u.id IN (SELECT e.id FROM jsonb_to_recordset(p_events) AS e(id TEXT));
END
$$;

-- Gives units back, of predictions that failed or whose process died. Returns how many claims it ended; one that
-- was settled or given back before is passed over.
CREATE FUNCTION release_quota(p_tenant_id TEXT, p_reservation_ids TEXT[])
RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
    v_claims JSONB;
BEGIN
    -- As in `reserve_quota`: a release that a crash of Postgres loses is made up by the sweep.
    PERFORM set_config('synchronous_commit', 'off', true);
    WITH claims AS (
        DELETE FROM reservations r WHERE r.tenant_id = p_tenant_id AND r.id = ANY (p_reservation_ids)
        RETURNING r.api_key_id, r.period_start, r.units
    )
    SELECT jsonb_agg(to_jsonb(c)) INTO v_claims FROM claims c;
    PERFORM move_quota(p_tenant_id, v_claims, false);
    RETURN coalesce(jsonb_array_length(v_claims), 0);
END
$$;
