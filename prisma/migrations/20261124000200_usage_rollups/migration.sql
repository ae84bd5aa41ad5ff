-- Sums of the ledger by hour and by day, exact in every snapshot:
--
--   roll-ups + deltas = events
--
-- A charge writes its events and, in the same statement, one delta for each kind of them; a folder moves deltas into the
-- roll-ups, in one transaction. Nobody waits for another: a delta is a row that only its charge and the folder see.
-- Whoever sums adds both.

-- What events are summed by. The roll-ups name it by number, so that their rows stay small.
CREATE TABLE usage_series (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    api_key_id TEXT,
    owner_tenant_id TEXT NOT NULL,
    model_id TEXT NOT NULL,
    model_name TEXT NOT NULL,
    version_id TEXT NOT NULL,
    version_number INTEGER NOT NULL,
    -- As of the events: a statement shows corrections apart.
    kind TEXT NOT NULL,
    subscription_id TEXT,
    currency TEXT,
    CONSTRAINT usage_series_key UNIQUE NULLS NOT DISTINCT (tenant_id, version_id, api_key_id, kind, subscription_id,
        currency, model_id, model_name, version_number, owner_tenant_id)
);
-- Publishers: what others used of my models.
CREATE INDEX usage_series_owner_tenant_id_model_id_idx ON usage_series(owner_tenant_id, model_id);

CREATE TABLE usage_hours (
    series_id BIGINT NOT NULL,
    period_start TIMESTAMPTZ(3) NOT NULL,
    tenant_id TEXT NOT NULL,
    predictions BIGINT NOT NULL,
    rows BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    compute_us BIGINT NOT NULL,
    cost_micros BIGINT NOT NULL,
    CONSTRAINT usage_hours_pkey PRIMARY KEY (series_id, period_start)
) WITH (fillfactor = 80);

CREATE TABLE usage_days (LIKE usage_hours, CONSTRAINT usage_days_pkey PRIMARY KEY (series_id, period_start))
    WITH (fillfactor = 80);

-- A month is rebuilt and checked by time; rows of a time lie together.
CREATE INDEX usage_hours_period_start_idx ON usage_hours USING brin (period_start) WITH (pages_per_range = 32);
CREATE INDEX usage_days_period_start_idx ON usage_days USING brin (period_start) WITH (pages_per_range = 32);

-- No index: it holds about a second of charges. Vacuumed early, since all of it goes again and again.
CREATE TABLE usage_deltas (
    tenant_id TEXT NOT NULL,
    api_key_id TEXT,
    owner_tenant_id TEXT NOT NULL,
    model_id TEXT NOT NULL,
    model_name TEXT NOT NULL,
    version_id TEXT NOT NULL,
    version_number INTEGER NOT NULL,
    kind TEXT NOT NULL DEFAULT 'PREDICTION',
    subscription_id TEXT,
    currency TEXT,
    -- The hour of the events.
    hour TIMESTAMPTZ(3) NOT NULL,
    predictions BIGINT NOT NULL,
    rows BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    compute_us BIGINT NOT NULL,
    cost_micros BIGINT NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- Months whose events were dropped by the operator's retention; their roll-ups are all that is left, and stay.
CREATE TABLE usage_retired_months (
    period_start TIMESTAMPTZ(3) PRIMARY KEY,
    events BIGINT NOT NULL,
    retired_at TIMESTAMPTZ(3) NOT NULL
);

-- Few events have it, so a charge pays nothing for the index.
CREATE INDEX usage_events_corrects_id_idx ON usage_events(tenant_id, corrects_id) WHERE corrects_id IS NOT NULL;
-- A refund lies in the month in which it is made, and so may take that below nothing.
ALTER TABLE quota_counters DROP CONSTRAINT quota_counters_not_negative;
ALTER TABLE quota_counters ADD CONSTRAINT quota_counters_not_negative CHECK (reserved >= 0);

-- Whom the rows belong to. The functions below run as the owner of the tables and act across tenants; the application
-- reads, and adds deltas, and does nothing else.
DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['usage_series', 'usage_hours', 'usage_days', 'usage_deltas', 'usage_retired_months'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('GRANT SELECT ON %I TO souk_app', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['usage_series', 'usage_hours', 'usage_days', 'usage_deltas', 'usage_retired_months', 'usage_events'] LOOP
        EXECUTE format('CREATE POLICY %I ON %I TO CURRENT_USER USING (app_across_tenants()) WITH CHECK (app_across_tenants())',
            name || '_of_functions', name);
    END LOOP;
END
$$;
GRANT INSERT ON usage_deltas TO souk_app;
CREATE POLICY usage_series_own ON usage_series FOR SELECT USING (tenant_id = app_tenant_id());
CREATE POLICY usage_series_of_owner ON usage_series FOR SELECT
    USING (app_across_tenants() AND owner_tenant_id = app_tenant_id());
CREATE POLICY usage_deltas_own ON usage_deltas
    USING (tenant_id = app_tenant_id()) WITH CHECK (tenant_id = app_tenant_id());
CREATE POLICY usage_deltas_of_owner ON usage_deltas FOR SELECT
    USING (app_across_tenants() AND owner_tenant_id = app_tenant_id());
CREATE POLICY usage_hours_own ON usage_hours FOR SELECT USING (tenant_id = app_tenant_id());
CREATE POLICY usage_days_own ON usage_days FOR SELECT USING (tenant_id = app_tenant_id());
CREATE POLICY usage_hours_of_owner ON usage_hours FOR SELECT USING (app_across_tenants()
    AND series_id IN (SELECT s.id FROM usage_series s WHERE s.owner_tenant_id = app_tenant_id()));
CREATE POLICY usage_days_of_owner ON usage_days FOR SELECT USING (app_across_tenants()
    AND series_id IN (SELECT s.id FROM usage_series s WHERE s.owner_tenant_id = app_tenant_id()));
CREATE POLICY usage_retired_months_read ON usage_retired_months FOR SELECT
    USING (app_tenant_id() IS NOT NULL OR app_across_tenants());

-- Moves deltas into the roll-ups, and answers how many; 0 too when another server is at it. Folding, rebuilding and
-- retiring exclude each other by one lock, so nothing else ever removes a delta or writes a roll-up.
CREATE FUNCTION fold_usage_deltas(p_most INTEGER)
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
        RETURNING c.series_id, d.hour, d.tenant_id, d.predictions, d.rows, d.bytes, d.compute_us, d.cost_micros
    ), hours AS (
        INSERT INTO usage_hours AS u (series_id, period_start, tenant_id, predictions, rows, bytes, compute_us, cost_micros)
        SELECT series_id, hour, tenant_id, sum(predictions), sum(rows), sum(bytes), sum(compute_us), sum(cost_micros)
        FROM gone GROUP BY 1, 2, 3 ORDER BY 1, 2
        ON CONFLICT (series_id, period_start) DO UPDATE SET predictions = u.predictions + excluded.predictions,
            rows = u.rows + excluded.rows, bytes = u.bytes + excluded.bytes,
            compute_us = u.compute_us + excluded.compute_us, cost_micros = u.cost_micros + excluded.cost_micros
    ), days AS (
        INSERT INTO usage_days AS u (series_id, period_start, tenant_id, predictions, rows, bytes, compute_us, cost_micros)
        SELECT series_id, date_trunc('day', hour), tenant_id, sum(predictions), sum(rows), sum(bytes), sum(compute_us),
            sum(cost_micros)
        FROM gone GROUP BY 1, 2, 3 ORDER BY 1, 2
        ON CONFLICT (series_id, period_start) DO UPDATE SET predictions = u.predictions + excluded.predictions,
            rows = u.rows + excluded.rows, bytes = u.bytes + excluded.bytes,
            compute_us = u.compute_us + excluded.compute_us, cost_micros = u.cost_micros + excluded.cost_micros
    )
    SELECT count(*) INTO v_folded FROM gone;
    RETURN v_folded;
END
$$;

-- Makes a month's roll-ups anew from its events, while charges go on. Answers how many events there were; null for a
-- month whose events are gone.
CREATE FUNCTION rebuild_usage_month(p_month TIMESTAMPTZ)
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
    -- One statement is one snapshot: the deltas that go are exactly those whose events are summed. What is charged
    -- meanwhile keeps its delta.
    WITH gone AS (
        DELETE FROM usage_deltas d WHERE d.hour >= v_start AND d.hour < v_end
    )
    INSERT INTO rebuilt
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
    SELECT coalesce(sum(r.events), 0) INTO v_events FROM rebuilt r;
    DROP TABLE rebuilt;
    RETURN v_events;
END
$$;

-- Where roll-ups and deltas are not the events, by hour and by day; `p_from` and `p_to` are starts of days, and no month
-- between them is retired. One statement is one snapshot, so charges and folds meanwhile do not show.
CREATE FUNCTION check_usage_rollups(p_from TIMESTAMPTZ, p_to TIMESTAMPTZ, p_most INTEGER)
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
        FROM usage_events e
        WHERE e.period_start >= date_trunc('month', p_from) AND e.period_start < p_to
            AND e.created_at >= p_from AND e.created_at < p_to
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    ), deltas AS MATERIALIZED (
        SELECT d.* FROM usage_deltas d WHERE d.hour >= p_from AND d.hour < p_to
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
    )
    SELECT b.granularity, b.hour, b.tenant_id, b.api_key_id, b.model_id, b.version_id, b.kind, b.currency,
        p1, r1, b1, u1, c1, p2, r2, b2, u2, c2
    FROM both_sides b
    WHERE (p1, r1, b1, u1, c1) IS DISTINCT FROM (p2, r2, b2, u2, c2)
    ORDER BY b.hour, b.granularity DESC, b.tenant_id, b.version_id LIMIT p_most
$$;

-- Drops the events of a month whose roll-ups equal them. RETIRED; UNEQUAL, when they do not; NONE, when there is nothing
-- to drop or it was dropped before.
CREATE FUNCTION retire_usage_month(p_month TIMESTAMPTZ, p_now TIMESTAMPTZ)
RETURNS TEXT LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET app.across_tenants = 'on' AS $$
DECLARE
    v_start TIMESTAMPTZ := date_trunc('month', p_month);
    v_end TIMESTAMPTZ := date_trunc('month', p_month) + INTERVAL '1 month';
    v_name TEXT := 'usage_events_' || to_char(date_trunc('month', p_month), 'YYYY_MM');
    v_events BIGINT;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('usage roll-ups'));
    IF to_regclass(v_name) IS NULL
        OR EXISTS (SELECT 1 FROM usage_retired_months r WHERE r.period_start = v_start) THEN
        RETURN 'NONE';
    END IF;
    -- Nobody writes to a month so old; should somebody all the same, it is before the check or after the drop.
    EXECUTE format('LOCK TABLE %I IN SHARE MODE', v_name);
    WHILE fold_usage_deltas(10000) > 0 LOOP END LOOP;
    IF EXISTS (SELECT 1 FROM check_usage_rollups(v_start, v_end, 1)) THEN
        RETURN 'UNEQUAL';
    END IF;
    SELECT count(*) INTO v_events FROM usage_events e WHERE e.period_start = v_start;
    INSERT INTO usage_retired_months (period_start, events, retired_at) VALUES (v_start, v_events, p_now);
    -- Locks the whole ledger for a moment, at the very end.
    EXECUTE format('DROP TABLE %I', v_name);
    RETURN 'RETIRED';
END
$$;

DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['fold_usage_deltas(INTEGER)', 'rebuild_usage_month(TIMESTAMPTZ)',
        'check_usage_rollups(TIMESTAMPTZ, TIMESTAMPTZ, INTEGER)', 'retire_usage_month(TIMESTAMPTZ, TIMESTAMPTZ)'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', name);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO souk_app', name);
    END LOOP;
END
$$;

-- What was charged before.
SELECT rebuild_usage_month(month) FROM (SELECT DISTINCT period_start AS month FROM usage_events) months;

-- Takes charged usage back, or adds what was not charged, as an event of now. `p_kind` REFUND takes back all that is left
-- of a prediction; CORRECTION adds the signed amounts, but never takes more than is left. Runs as its caller, inside the
-- tenant whose prediction it is.
--   DONE        it was written
--   REPEATED    an event with this id corrects this prediction already; the amounts are that event's
--   NOT_FOUND   the tenant has no such prediction
--   TOO_MUCH    less than that is left; the amounts are what is left
--   NOTHING_LEFT, NO_PRICE
CREATE FUNCTION correct_usage(
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
    v_event usage_events;
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
    SELECT e.* INTO v_event FROM usage_events e
        WHERE e.tenant_id = p_tenant_id AND e.id = p_prediction_id AND e.kind = 'PREDICTION';
    IF NOT FOUND THEN
        RETURN QUERY SELECT 'NOT_FOUND', p_id, p_kind, p_reason, 0::BIGINT, 0::BIGINT, 0::BIGINT, 0::BIGINT, 0::BIGINT, NULL::TEXT, p_now;
        RETURN;
    END IF;
    RETURN QUERY SELECT 'REPEATED', e.id, e.kind, e.reason, e.units::BIGINT, e.rows::BIGINT, e.bytes, e.compute_us, e.cost_micros,
            e.currency, e.created_at::TIMESTAMPTZ
        FROM usage_events e
        WHERE e.tenant_id = p_tenant_id AND e.corrects_id = p_prediction_id AND e.id = p_id;
    IF FOUND THEN
        RETURN;
    END IF;
    SELECT v_event.units + coalesce(sum(e.units), 0) AS units, v_event.rows + coalesce(sum(e.rows), 0) AS rows,
            (v_event.bytes + coalesce(sum(e.bytes), 0))::BIGINT AS bytes,
            (v_event.compute_us + coalesce(sum(e.compute_us), 0))::BIGINT AS compute_us,
            (v_event.cost_micros + coalesce(sum(e.cost_micros), 0))::BIGINT AS cost_micros
        INTO v_left FROM usage_events e
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
