-- A group of charges is written as one row: what its events have in common, their sums, and an array for each column in
-- which they differ. A row costs the database the same whatever is in it, so a charge no longer pays for the keys, checks
-- and indexes of each event; the fold does, a second later, for thousands at a time. Until then the events are here, and
-- whoever reads the ledger reads both: `usage_ledger`.

-- What was charged before has its events.
DO $$ BEGIN WHILE fold_usage_deltas(10000) > 0 LOOP END LOOP; END $$;

ALTER TABLE usage_deltas
    -- Null of a correction, whose event is in `usage_events` already.
    ADD COLUMN ids TEXT[],
    ADD COLUMN request_ids TEXT[],
    ADD COLUMN workers TEXT[],
    ADD COLUMN batch_sizes INTEGER[],
    ADD COLUMN batch_row_counts INTEGER[],
    ADD COLUMN row_counts INTEGER[],
    ADD COLUMN unit_counts INTEGER[],
    ADD COLUMN byte_counts BIGINT[],
    ADD COLUMN queue_ms DOUBLE PRECISION[],
    ADD COLUMN batch_ms DOUBLE PRECISION[],
    ADD COLUMN load_ms DOUBLE PRECISION[],
    ADD COLUMN compute_ms DOUBLE PRECISION[],
    ADD COLUMN charged_us BIGINT[],
    ADD COLUMN costs_micros BIGINT[],
    -- Since the hour began.
    ADD COLUMN at_ms INTEGER[],
    ADD COLUMN user_id TEXT,
    ADD COLUMN digest TEXT,
    ADD COLUMN alias TEXT,
    ADD COLUMN runtime TEXT,
    ADD COLUMN period_start TIMESTAMPTZ(3),
    -- The one rule of `usage_events` that two rows decide together, the lease's and this. What an event may measure is
    -- held against the rules before it is written (`charge-kinds.ts`): PostgreSQL reads the text of a check again for each
    -- statement, and this one is in every charge.
    ADD CONSTRAINT usage_deltas_month
        CHECK (ids IS NULL OR date_trunc('month', hour AT TIME ZONE 'UTC') = period_start AT TIME ZONE 'UTC');
-- Some 200 bytes for each event: a row of up to some 40 of them stays in its page, uncompressed, as it is read once.
ALTER TABLE usage_deltas SET (toast_tuple_target = 8160);
DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['ids', 'request_ids', 'workers', 'batch_sizes', 'batch_row_counts', 'row_counts', 'unit_counts',
        'byte_counts', 'queue_ms', 'batch_ms', 'load_ms', 'compute_ms', 'charged_us', 'costs_micros', 'at_ms'] LOOP
        EXECUTE format('ALTER TABLE usage_deltas ALTER COLUMN %I SET STORAGE EXTERNAL', name);
    END LOOP;
END
$$;

-- The events of a delta as they will be in `usage_events`; none of a correction's.
CREATE FUNCTION charges_in(d usage_deltas)
RETURNS SETOF usage_events LANGUAGE sql STABLE AS $$
    SELECT e.id, d.kind, NULL::text, NULL::text, d.tenant_id, d.user_id, d.api_key_id, e.request_id, d.owner_tenant_id,
        d.model_id, d.model_name, d.version_id, d.version_number, d.digest, d.alias, d.runtime, e.worker, e.batch_size,
        e.batch_rows, e.rows, e.units, e.bytes, e.queue_ms, e.batch_ms, e.load_ms, e.compute_ms, e.compute_us, e.cost_micros,
        d.currency, d.subscription_id, d.period_start, (d.hour + e.at_ms * INTERVAL '1 millisecond')::timestamptz(3)
    FROM unnest(d.ids, d.request_ids, d.workers, d.batch_sizes, d.batch_row_counts, d.row_counts, d.unit_counts,
        d.byte_counts, d.queue_ms, d.batch_ms, d.load_ms, d.compute_ms, d.charged_us, d.costs_micros, d.at_ms)
        AS e(id, request_id, worker, batch_size, batch_rows, rows, units, bytes, queue_ms, batch_ms, load_ms, compute_ms,
            compute_us, cost_micros, at_ms)
$$;

-- The ledger: what was charged, wherever it lies. An event is in one of the two in every snapshot, as the fold moves it in
-- one statement. With the rights of whoever asks, so the policies of both tables hold.
CREATE VIEW usage_ledger WITH (security_invoker = true) AS
    SELECT * FROM usage_events
    UNION ALL
    SELECT e.* FROM usage_deltas d CROSS JOIN LATERAL charges_in(d) e WHERE d.ids IS NOT NULL;
GRANT SELECT ON usage_ledger TO souk_app;

-- As before, and the events that wait in the deltas go to their table.
CREATE OR REPLACE FUNCTION fold_usage_deltas(p_most INTEGER)
RETURNS INTEGER LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET app.across_tenants = 'on' AS $$
DECLARE
    v_folded INTEGER;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('usage roll-ups')) THEN
        RETURN 0;
    END IF;
    -- A crash that loses a fold loses all of it: the deltas are there again.
    PERFORM set_config('synchronous_commit', 'off', true);
    INSERT INTO usage_series (tenant_id, api_key_id, owner_tenant_id, model_id, model_name, version_id, version_number,
            kind, subscription_id, currency)
        SELECT DISTINCT d.tenant_id, d.api_key_id, d.owner_tenant_id, d.model_id, d.model_name, d.version_id,
            d.version_number, d.kind, d.subscription_id, d.currency
        FROM usage_deltas d
        WHERE NOT EXISTS (
            SELECT 1 FROM usage_series s
            WHERE s.tenant_id = d.tenant_id AND s.version_id = d.version_id AND s.api_key_id IS NOT DISTINCT FROM d.api_key_id
                AND s.kind = d.kind AND s.subscription_id IS NOT DISTINCT FROM d.subscription_id
                AND s.currency IS NOT DISTINCT FROM d.currency AND s.model_id = d.model_id AND s.model_name = d.model_name
                AND s.version_number = d.version_number AND s.owner_tenant_id = d.owner_tenant_id
        )
        ON CONFLICT DO NOTHING;
    -- A delta of a series that came between the two statements stays until the next fold.
    WITH chosen AS MATERIALIZED (
        SELECT d.ctid AS place, s.id AS series_id
        FROM usage_deltas d JOIN usage_series s
            ON s.tenant_id = d.tenant_id AND s.version_id = d.version_id AND s.api_key_id IS NOT DISTINCT FROM d.api_key_id
                AND s.kind = d.kind AND s.subscription_id IS NOT DISTINCT FROM d.subscription_id
                AND s.currency IS NOT DISTINCT FROM d.currency AND s.model_id = d.model_id AND s.model_name = d.model_name
                AND s.version_number = d.version_number AND s.owner_tenant_id = d.owner_tenant_id
        LIMIT p_most
    ), gone AS (
        DELETE FROM usage_deltas d USING chosen c WHERE d.ctid = c.place
        RETURNING c.series_id, d AS delta, d.hour, d.tenant_id, d.api_key_id, d.currency, d.predictions, d.rows, d.bytes,
            d.compute_us, d.cost_micros
    ), posted AS (
        INSERT INTO usage_events
        SELECT e.* FROM gone g CROSS JOIN LATERAL charges_in(g.delta) e
        -- One that is there already was charged twice, which nothing does; the ledger must not stop at it.
        ON CONFLICT DO NOTHING
    ), summed AS MATERIALIZED (
        -- Many deltas are few sums: all that follows is made of these.
        SELECT series_id, hour, tenant_id, api_key_id, currency, sum(predictions)::bigint AS predictions,
            sum(rows)::bigint AS rows, sum(bytes)::bigint AS bytes, sum(compute_us)::bigint AS compute_us,
            sum(cost_micros)::bigint AS cost_micros
        FROM gone GROUP BY 1, 2, 3, 4, 5
    ), hours AS (
        INSERT INTO usage_hours AS u (series_id, period_start, tenant_id, predictions, rows, bytes, compute_us, cost_micros)
        SELECT series_id, hour, tenant_id, predictions, rows, bytes, compute_us, cost_micros
        FROM summed ORDER BY 1, 2
        ON CONFLICT (series_id, period_start) DO UPDATE SET predictions = u.predictions + excluded.predictions,
            rows = u.rows + excluded.rows, bytes = u.bytes + excluded.bytes,
            compute_us = u.compute_us + excluded.compute_us, cost_micros = u.cost_micros + excluded.cost_micros
    ), days AS (
        INSERT INTO usage_days AS u (series_id, period_start, tenant_id, predictions, rows, bytes, compute_us, cost_micros)
        SELECT series_id, date_trunc('day', hour), tenant_id, sum(predictions), sum(rows), sum(bytes), sum(compute_us),
            sum(cost_micros)
        FROM summed GROUP BY 1, 2, 3 ORDER BY 1, 2
        ON CONFLICT (series_id, period_start) DO UPDATE SET predictions = u.predictions + excluded.predictions,
            rows = u.rows + excluded.rows, bytes = u.bytes + excluded.bytes,
            compute_us = u.compute_us + excluded.compute_us, cost_micros = u.cost_micros + excluded.cost_micros
    ), months AS (
        INSERT INTO usage_months AS u (series_id, period_start, tenant_id, predictions, rows, bytes, compute_us, cost_micros)
        SELECT series_id, date_trunc('month', hour), tenant_id, sum(predictions), sum(rows), sum(bytes), sum(compute_us),
            sum(cost_micros)
        FROM summed GROUP BY 1, 2, 3 ORDER BY 1, 2
        ON CONFLICT (series_id, period_start) DO UPDATE SET predictions = u.predictions + excluded.predictions,
            rows = u.rows + excluded.rows, bytes = u.bytes + excluded.bytes,
            compute_us = u.compute_us + excluded.compute_us, cost_micros = u.cost_micros + excluded.cost_micros
    ), keys AS (
        INSERT INTO usage_key_sums AS u (tenant_id, unit, period_start, api_key_id, currency, predictions, rows, bytes,
            compute_us, cost_micros)
        SELECT tenant_id, unit, date_trunc(unit, hour), coalesce(api_key_id, ''), coalesce(currency, ''), sum(predictions),
            sum(rows), sum(bytes), sum(compute_us), sum(cost_micros)
        FROM summed CROSS JOIN (VALUES ('hour'), ('day'), ('month')) units (unit)
        GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (tenant_id, unit, period_start, api_key_id, currency) DO UPDATE SET predictions = u.predictions + excluded.predictions,
            rows = u.rows + excluded.rows, bytes = u.bytes + excluded.bytes,
            compute_us = u.compute_us + excluded.compute_us, cost_micros = u.cost_micros + excluded.cost_micros
    )
    SELECT count(*) INTO v_folded FROM gone;
    RETURN v_folded;
END
$$;

-- As before, but what is still to be folded is left to the fold.
CREATE OR REPLACE FUNCTION rebuild_usage_month(p_month TIMESTAMPTZ)
RETURNS BIGINT LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET app.across_tenants = 'on' AS $$
DECLARE
    v_start TIMESTAMPTZ := date_trunc('month', p_month);
    v_end TIMESTAMPTZ := date_trunc('month', p_month) + INTERVAL '1 month';
    v_events BIGINT;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('usage roll-ups'));
    IF EXISTS (SELECT 1 FROM usage_retired_months r WHERE r.period_start = v_start) THEN
        RETURN NULL;
    END IF;
    CREATE TEMP TABLE rebuilt (LIKE usage_deltas, events BIGINT NOT NULL) ON COMMIT DROP;
    -- What is charged meanwhile keeps its delta, with its events, until the next fold. A delta without events is of a
    -- correction, whose event lies in the ledger already. One statement is one snapshot: those that go are exactly those
    -- whose events are summed.
    WHILE fold_usage_deltas(10000) > 0 LOOP END LOOP;
    WITH gone AS (
        DELETE FROM usage_deltas d WHERE d.ids IS NULL AND d.hour >= v_start AND d.hour < v_end
    )
    INSERT INTO rebuilt (tenant_id, api_key_id, owner_tenant_id, model_id, model_name, version_id, version_number, kind,
            subscription_id, currency, hour, predictions, rows, bytes, compute_us, cost_micros, events)
    SELECT e.tenant_id, e.api_key_id, e.owner_tenant_id, e.model_id, e.model_name, e.version_id, e.version_number, e.kind,
        e.subscription_id, e.currency, date_trunc('hour', e.created_at), sum(e.units), sum(e.rows), sum(e.bytes),
        sum(e.compute_us), sum(e.cost_micros), count(*)
    FROM usage_events e WHERE e.period_start = v_start
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11;
    -- How many they are decides how they are joined.
    ANALYZE rebuilt;
    INSERT INTO usage_series (tenant_id, api_key_id, owner_tenant_id, model_id, model_name, version_id, version_number,
            kind, subscription_id, currency)
        SELECT DISTINCT tenant_id, api_key_id, owner_tenant_id, model_id, model_name, version_id, version_number, kind,
            subscription_id, currency
        FROM rebuilt ON CONFLICT DO NOTHING;
    ANALYZE usage_series;
    DELETE FROM usage_hours u WHERE u.period_start >= v_start AND u.period_start < v_end;
    INSERT INTO usage_hours (series_id, period_start, tenant_id, predictions, rows, bytes, compute_us, cost_micros)
        SELECT s.id, d.hour, d.tenant_id, d.predictions, d.rows, d.bytes, d.compute_us, d.cost_micros
        FROM rebuilt d JOIN usage_series s
            ON s.tenant_id = d.tenant_id AND s.version_id = d.version_id AND s.api_key_id IS NOT DISTINCT FROM d.api_key_id
                AND s.kind = d.kind AND s.subscription_id IS NOT DISTINCT FROM d.subscription_id
                AND s.currency IS NOT DISTINCT FROM d.currency AND s.model_id = d.model_id AND s.model_name = d.model_name
                AND s.version_number = d.version_number AND s.owner_tenant_id = d.owner_tenant_id
        ORDER BY 1, 2;
    DELETE FROM usage_days u WHERE u.period_start >= v_start AND u.period_start < v_end;
    INSERT INTO usage_days (series_id, period_start, tenant_id, predictions, rows, bytes, compute_us, cost_micros)
        SELECT u.series_id, date_trunc('day', u.period_start), u.tenant_id, sum(u.predictions), sum(u.rows), sum(u.bytes),
            sum(u.compute_us), sum(u.cost_micros)
        FROM usage_hours u WHERE u.period_start >= v_start AND u.period_start < v_end
        GROUP BY 1, 2, 3 ORDER BY 1, 2;
    DELETE FROM usage_months u WHERE u.period_start = v_start;
    INSERT INTO usage_months (series_id, period_start, tenant_id, predictions, rows, bytes, compute_us, cost_micros)
        SELECT u.series_id, v_start, u.tenant_id, sum(u.predictions), sum(u.rows), sum(u.bytes), sum(u.compute_us),
            sum(u.cost_micros)
        FROM usage_days u WHERE u.period_start >= v_start AND u.period_start < v_end
        GROUP BY 1, 3 ORDER BY 1;
    DELETE FROM usage_key_sums k WHERE k.period_start >= v_start AND k.period_start < v_end;
    INSERT INTO usage_key_sums (tenant_id, unit, period_start, api_key_id, currency, predictions, rows, bytes, compute_us,
            cost_micros)
        SELECT d.tenant_id, unit, date_trunc(unit, d.hour), coalesce(d.api_key_id, ''), coalesce(d.currency, ''),
            sum(d.predictions), sum(d.rows), sum(d.bytes), sum(d.compute_us), sum(d.cost_micros)
        FROM rebuilt d CROSS JOIN (VALUES ('hour'), ('day'), ('month')) units (unit)
        GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5;
    SELECT coalesce(sum(r.events), 0) INTO v_events FROM rebuilt r;
    DROP TABLE rebuilt;
    RETURN v_events;
END
$$;

-- As before, of the whole ledger.
CREATE OR REPLACE FUNCTION check_usage_rollups(p_from TIMESTAMPTZ, p_to TIMESTAMPTZ, p_most INTEGER)
RETURNS TABLE (
    granularity TEXT, bucket TIMESTAMPTZ, tenant_id TEXT, api_key_id TEXT, model_id TEXT, version_id TEXT, kind TEXT,
    currency TEXT, predictions BIGINT, rows BIGINT, bytes BIGINT, compute_us BIGINT, cost_micros BIGINT,
    summed_predictions BIGINT, summed_rows BIGINT, summed_bytes BIGINT, summed_compute_us BIGINT, summed_cost_micros BIGINT
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET app.across_tenants = 'on' AS $$
    WITH events AS MATERIALIZED (
        SELECT e.tenant_id, e.api_key_id, e.owner_tenant_id, e.model_id, e.model_name, e.version_id, e.version_number,
            e.kind, e.subscription_id, e.currency, date_trunc('hour', e.created_at) AS hour, sum(e.units)::bigint AS predictions,
            sum(e.rows)::bigint AS rows, sum(e.bytes)::bigint AS bytes, sum(e.compute_us)::bigint AS compute_us,
            sum(e.cost_micros)::bigint AS cost_micros
        FROM usage_ledger e
        WHERE e.period_start >= date_trunc('month', p_from) AND e.period_start < p_to
            AND e.created_at >= p_from AND e.created_at < p_to
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    ), deltas AS MATERIALIZED (
        SELECT d.tenant_id, d.api_key_id, d.owner_tenant_id, d.model_id, d.model_name, d.version_id, d.version_number, d.kind,
            d.subscription_id, d.currency, d.hour, d.predictions, d.rows, d.bytes, d.compute_us, d.cost_micros
        FROM usage_deltas d WHERE d.hour >= p_from AND d.hour < p_to
    ), sides AS (
        SELECT 'HOUR' AS granularity, true AS is_event, e.* FROM events e
        UNION ALL
        SELECT 'HOUR', false, d.tenant_id, d.api_key_id, d.owner_tenant_id, d.model_id, d.model_name, d.version_id,
            d.version_number, d.kind, d.subscription_id, d.currency, d.hour, d.predictions, d.rows, d.bytes, d.compute_us,
            d.cost_micros
        FROM deltas d
        UNION ALL
        SELECT 'HOUR', false, s.tenant_id, s.api_key_id, s.owner_tenant_id, s.model_id, s.model_name, s.version_id,
            s.version_number, s.kind, s.subscription_id, s.currency, u.period_start, u.predictions, u.rows, u.bytes,
            u.compute_us, u.cost_micros
        FROM usage_hours u JOIN usage_series s ON s.id = u.series_id
        WHERE u.period_start >= p_from AND u.period_start < p_to
        UNION ALL
        SELECT 'DAY', true, e.tenant_id, e.api_key_id, e.owner_tenant_id, e.model_id, e.model_name, e.version_id,
            e.version_number, e.kind, e.subscription_id, e.currency, date_trunc('day', e.hour), e.predictions, e.rows,
            e.bytes, e.compute_us, e.cost_micros
        FROM events e
        UNION ALL
        SELECT 'DAY', false, d.tenant_id, d.api_key_id, d.owner_tenant_id, d.model_id, d.model_name, d.version_id,
            d.version_number, d.kind, d.subscription_id, d.currency, date_trunc('day', d.hour), d.predictions, d.rows,
            d.bytes, d.compute_us, d.cost_micros
        FROM deltas d
        UNION ALL
        SELECT 'DAY', false, s.tenant_id, s.api_key_id, s.owner_tenant_id, s.model_id, s.model_name, s.version_id,
            s.version_number, s.kind, s.subscription_id, s.currency, u.period_start, u.predictions, u.rows, u.bytes,
            u.compute_us, u.cost_micros
        FROM usage_days u JOIN usage_series s ON s.id = u.series_id
        WHERE u.period_start >= p_from AND u.period_start < p_to
    ), both_sides AS (
        SELECT x.granularity, x.hour, x.tenant_id, x.api_key_id, x.model_id, x.version_id, x.kind, x.currency,
            coalesce(sum(x.predictions) FILTER (WHERE is_event), 0)::bigint AS p1, coalesce(sum(x.rows) FILTER (WHERE is_event), 0)::bigint AS r1,
            coalesce(sum(x.bytes) FILTER (WHERE is_event), 0)::bigint AS b1, coalesce(sum(x.compute_us) FILTER (WHERE is_event), 0)::bigint AS u1,
            coalesce(sum(x.cost_micros) FILTER (WHERE is_event), 0)::bigint AS c1,
            coalesce(sum(x.predictions) FILTER (WHERE NOT is_event), 0)::bigint AS p2, coalesce(sum(x.rows) FILTER (WHERE NOT is_event), 0)::bigint AS r2,
            coalesce(sum(x.bytes) FILTER (WHERE NOT is_event), 0)::bigint AS b2, coalesce(sum(x.compute_us) FILTER (WHERE NOT is_event), 0)::bigint AS u2,
            coalesce(sum(x.cost_micros) FILTER (WHERE NOT is_event), 0)::bigint AS c2
        FROM sides x
        GROUP BY x.granularity, x.hour, x.tenant_id, x.api_key_id, x.model_id, x.version_id, x.kind, x.currency,
            x.owner_tenant_id, x.model_name, x.version_number, x.subscription_id
    ), days_of_months AS (
        -- Whole months, also where the range is a part of one: those of days are compared with the events above.
        SELECT d.series_id, date_trunc('month', d.period_start) AS month, sum(d.predictions) AS p, sum(d.rows) AS r,
            sum(d.bytes) AS b, sum(d.compute_us) AS u, sum(d.cost_micros) AS c
        FROM usage_days d
        WHERE d.period_start >= date_trunc('month', p_from)
            AND d.period_start < date_trunc('month', p_to - INTERVAL '1 day') + INTERVAL '1 month'
        GROUP BY 1, 2
    ), months AS (
        SELECT m.series_id, m.period_start AS month, m.predictions AS p, m.rows AS r, m.bytes AS b, m.compute_us AS u,
            m.cost_micros AS c
        FROM usage_months m
        WHERE m.period_start >= date_trunc('month', p_from) AND m.period_start < p_to
    ), sides_of_keys AS (
        SELECT unit, date_trunc(unit, e.hour) AS at, e.tenant_id, coalesce(e.api_key_id, '') AS api_key_id,
            coalesce(e.currency, '') AS currency, true AS is_event, e.predictions, e.rows, e.bytes, e.compute_us, e.cost_micros
        FROM events e CROSS JOIN (VALUES ('hour'), ('day')) units (unit)
        UNION ALL
        SELECT unit, date_trunc(unit, d.hour), d.tenant_id, coalesce(d.api_key_id, ''), coalesce(d.currency, ''), false,
            d.predictions, d.rows, d.bytes, d.compute_us, d.cost_micros
        FROM deltas d CROSS JOIN (VALUES ('hour'), ('day')) units (unit)
        UNION ALL
        SELECT k.unit, k.period_start, k.tenant_id, k.api_key_id, k.currency, false, k.predictions, k.rows, k.bytes,
            k.compute_us, k.cost_micros
        FROM usage_key_sums k WHERE k.unit IN ('hour', 'day') AND k.period_start >= p_from AND k.period_start < p_to
        UNION ALL
        -- Whole months of keys as those of series: against their days.
        SELECT 'month', date_trunc('month', k.period_start), k.tenant_id, k.api_key_id, k.currency, k.unit = 'day',
            k.predictions, k.rows, k.bytes, k.compute_us, k.cost_micros
        FROM usage_key_sums k
        WHERE k.unit IN ('day', 'month') AND k.period_start >= date_trunc('month', p_from)
            AND k.period_start < date_trunc('month', p_to - INTERVAL '1 day') + INTERVAL '1 month'
    ), keys AS (
        SELECT x.unit, x.at, x.tenant_id, x.api_key_id, x.currency,
            coalesce(sum(x.predictions) FILTER (WHERE is_event), 0) AS p1, coalesce(sum(x.rows) FILTER (WHERE is_event), 0) AS r1,
            coalesce(sum(x.bytes) FILTER (WHERE is_event), 0) AS b1, coalesce(sum(x.compute_us) FILTER (WHERE is_event), 0) AS u1,
            coalesce(sum(x.cost_micros) FILTER (WHERE is_event), 0) AS c1,
            coalesce(sum(x.predictions) FILTER (WHERE NOT is_event), 0) AS p2, coalesce(sum(x.rows) FILTER (WHERE NOT is_event), 0) AS r2,
            coalesce(sum(x.bytes) FILTER (WHERE NOT is_event), 0) AS b2, coalesce(sum(x.compute_us) FILTER (WHERE NOT is_event), 0) AS u2,
            coalesce(sum(x.cost_micros) FILTER (WHERE NOT is_event), 0) AS c2
        FROM sides_of_keys x GROUP BY 1, 2, 3, 4, 5
    ), all_sides AS (
        SELECT b.granularity, b.hour, b.tenant_id, b.api_key_id, b.model_id, b.version_id, b.kind, b.currency,
            p1, r1, b1, u1, c1, p2, r2, b2, u2, c2
        FROM both_sides b
        UNION ALL
        SELECT 'MONTH', month, s.tenant_id, s.api_key_id, s.model_id, s.version_id, s.kind, s.currency,
            coalesce(d.p, 0), coalesce(d.r, 0), coalesce(d.b, 0), coalesce(d.u, 0), coalesce(d.c, 0),
            coalesce(m.p, 0), coalesce(m.r, 0), coalesce(m.b, 0), coalesce(m.u, 0), coalesce(m.c, 0)
        FROM days_of_months d FULL JOIN months m USING (series_id, month) JOIN usage_series s ON s.id = series_id
        UNION ALL
        SELECT upper(k.unit), k.at, k.tenant_id, nullif(k.api_key_id, ''), NULL, NULL, NULL, nullif(k.currency, ''),
            p1, r1, b1, u1, c1, p2, r2, b2, u2, c2
        FROM keys k
    )
    SELECT b.granularity, b.hour, b.tenant_id, b.api_key_id, b.model_id, b.version_id, b.kind, b.currency,
        p1::bigint, r1::bigint, b1::bigint, u1::bigint, c1::bigint, p2::bigint, r2::bigint, b2::bigint, u2::bigint, c2::bigint
    FROM all_sides b
    WHERE (p1, r1, b1, u1, c1) IS DISTINCT FROM (p2, r2, b2, u2, c2)
    ORDER BY b.hour, b.granularity DESC, b.tenant_id, b.version_id LIMIT p_most
$$;

-- As before, of the whole ledger.
CREATE OR REPLACE FUNCTION charged_under(p_limit quota_limits, p_window_start TIMESTAMPTZ)
RETURNS BIGINT LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(CASE p_limit.measure WHEN 'PREDICTIONS' THEN e.predictions WHEN 'ROWS' THEN e.rows
            WHEN 'BYTES' THEN e.bytes WHEN 'COMPUTE_MS' THEN e.compute_us WHEN 'COST' THEN e.cost_micros ELSE 0 END), 0)::bigint
    FROM (
        SELECT u.api_key_id, u.model_id, u.subscription_id, u.currency, u.units AS predictions, u.rows, u.bytes, u.compute_us,
            u.cost_micros
        FROM usage_ledger u
        WHERE p_limit.span = 'DAY' AND u.tenant_id = p_limit.tenant_id
            AND u.period_start = date_trunc('month', p_window_start, 'UTC')
            AND u.created_at >= p_window_start AND u.created_at < p_window_start + INTERVAL '1 day'
        UNION ALL
        SELECT s.api_key_id, s.model_id, s.subscription_id, s.currency, d.predictions, d.rows, d.bytes, d.compute_us,
            d.cost_micros
        FROM usage_series s JOIN usage_months d ON d.series_id = s.id
        WHERE p_limit.span <> 'DAY' AND s.tenant_id = p_limit.tenant_id AND d.tenant_id = p_limit.tenant_id
            AND (p_limit.span = 'LIFETIME' OR d.period_start = p_window_start)
        UNION ALL
        SELECT n.api_key_id, n.model_id, n.subscription_id, n.currency, n.predictions, n.rows, n.bytes, n.compute_us,
            n.cost_micros
        FROM usage_deltas n
        WHERE p_limit.span <> 'DAY' AND n.tenant_id = p_limit.tenant_id
            AND (p_limit.span = 'LIFETIME' OR date_trunc('month', n.hour, 'UTC') = p_window_start)
    ) e
    WHERE counts_under(p_limit, e.api_key_id, e.model_id, e.subscription_id, e.currency)
$$;

-- As before; what is corrected may have been charged a moment ago.
CREATE OR REPLACE FUNCTION correct_usage(
    p_id TEXT, p_tenant_id TEXT, p_prediction_id TEXT, p_kind TEXT, p_predictions BIGINT, p_rows BIGINT, p_bytes BIGINT,
    p_compute_us BIGINT, p_cost_micros BIGINT, p_reason TEXT, p_request_id TEXT, p_now TIMESTAMPTZ
)
RETURNS TABLE (
    outcome TEXT, id TEXT, kind TEXT, reason TEXT, predictions BIGINT, rows BIGINT, bytes BIGINT, compute_us BIGINT,
    cost_micros BIGINT, currency TEXT, created_at TIMESTAMPTZ
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_event usage_ledger;
    v_left RECORD;
    v_units BIGINT := p_predictions;
    v_rows BIGINT := p_rows;
    v_bytes BIGINT := p_bytes;
    v_compute_us BIGINT := p_compute_us;
    v_cost_micros BIGINT := p_cost_micros;
    v_period TIMESTAMPTZ := date_trunc('month', p_now, 'UTC');
BEGIN
    -- Two at once must not both take what is left.
    PERFORM pg_advisory_xact_lock(hashtextextended(p_prediction_id, 0));
    SELECT e.* INTO v_event FROM usage_ledger e
        WHERE e.tenant_id = p_tenant_id AND e.id = p_prediction_id AND e.kind = 'PREDICTION';
    IF NOT FOUND THEN
        RETURN QUERY SELECT 'NOT_FOUND', p_id, p_kind, p_reason, 0::BIGINT, 0::BIGINT, 0::BIGINT, 0::BIGINT, 0::BIGINT, NULL::TEXT, p_now;
        RETURN;
    END IF;
    RETURN QUERY SELECT 'REPEATED', e.id, e.kind, e.reason, e.units::BIGINT, e.rows::BIGINT, e.bytes, e.compute_us, e.cost_micros,
            e.currency, e.created_at::TIMESTAMPTZ
        FROM usage_ledger e
        WHERE e.tenant_id = p_tenant_id AND e.corrects_id = p_prediction_id AND e.id = p_id;
    IF FOUND THEN
        RETURN;
    END IF;
    SELECT v_event.units + coalesce(sum(e.units), 0) AS units, v_event.rows + coalesce(sum(e.rows), 0) AS rows,
            (v_event.bytes + coalesce(sum(e.bytes), 0))::BIGINT AS bytes,
            (v_event.compute_us + coalesce(sum(e.compute_us), 0))::BIGINT AS compute_us,
            (v_event.cost_micros + coalesce(sum(e.cost_micros), 0))::BIGINT AS cost_micros
        INTO v_left FROM usage_ledger e
        WHERE e.tenant_id = p_tenant_id AND e.corrects_id = p_prediction_id;
    IF p_kind = 'REFUND' THEN
        v_units := -v_left.units;
        v_rows := -v_left.rows;
        v_bytes := -v_left.bytes;
        v_compute_us := -v_left.compute_us;
        v_cost_micros := -v_left.cost_micros;
        IF v_units = 0 AND v_rows = 0 AND v_bytes = 0 AND v_compute_us = 0 AND v_cost_micros = 0 THEN
            RETURN QUERY SELECT 'NOTHING_LEFT', p_id, p_kind, p_reason, 0::BIGINT, 0::BIGINT, 0::BIGINT, 0::BIGINT, 0::BIGINT, v_event.currency, p_now;
            RETURN;
        END IF;
    ELSIF v_left.units + v_units < 0 OR v_left.rows + v_rows < 0 OR v_left.bytes + v_bytes < 0
        OR v_left.compute_us + v_compute_us < 0 OR v_left.cost_micros + v_cost_micros < 0 THEN
        RETURN QUERY SELECT 'TOO_MUCH', p_id, p_kind, p_reason, v_left.units, v_left.rows, v_left.bytes, v_left.compute_us,
            v_left.cost_micros, v_event.currency, p_now;
        RETURN;
    ELSIF v_cost_micros <> 0 AND v_event.currency IS NULL THEN
        RETURN QUERY SELECT 'NO_PRICE', p_id, p_kind, p_reason, 0::BIGINT, 0::BIGINT, 0::BIGINT, 0::BIGINT, 0::BIGINT, NULL::TEXT, p_now;
        RETURN;
    END IF;
    -- Everywhere where a charge of the same facts would have counted (migration `limits`).
    PERFORM add_to_used(p_tenant_id, v_event.api_key_id, v_event.model_id, v_event.subscription_id, v_event.currency, v_period,
        date_trunc('day', p_now, 'UTC'), ARRAY[v_units, v_rows, v_bytes, v_compute_us, v_cost_micros, 0]);
    INSERT INTO usage_events (id, kind, corrects_id, reason, tenant_id, user_id, api_key_id, request_id, owner_tenant_id,
            model_id, model_name, version_id, version_number, digest, runtime, worker, batch_size, batch_rows, rows, units,
            bytes, queue_ms, batch_ms, load_ms, compute_ms, compute_us, cost_micros, currency, subscription_id, period_start,
            created_at)
        VALUES (p_id, p_kind, p_prediction_id, p_reason, p_tenant_id, v_event.user_id, v_event.api_key_id, p_request_id,
            v_event.owner_tenant_id, v_event.model_id, v_event.model_name, v_event.version_id, v_event.version_number,
            v_event.digest, v_event.runtime, v_event.worker, v_event.batch_size, v_event.batch_rows, v_rows, v_units,
            v_bytes, 0, 0, 0, 0, v_compute_us, v_cost_micros, v_event.currency, v_event.subscription_id, v_period, p_now);
    INSERT INTO usage_deltas (tenant_id, api_key_id, owner_tenant_id, model_id, model_name, version_id, version_number, kind,
            subscription_id, currency, hour, predictions, rows, bytes, compute_us, cost_micros)
        VALUES (p_tenant_id, v_event.api_key_id, v_event.owner_tenant_id, v_event.model_id, v_event.model_name,
            v_event.version_id, v_event.version_number, p_kind, v_event.subscription_id, v_event.currency,
            date_trunc('hour', p_now, 'UTC'), v_units, v_rows, v_bytes, v_compute_us, v_cost_micros);
    RETURN QUERY SELECT 'DONE', p_id, p_kind, p_reason, v_units, v_rows, v_bytes, v_compute_us, v_cost_micros,
        v_event.currency, p_now;
END
$$;
