-- Limits in a hierarchy, in several measures and windows, held by the same leases.
--
-- Measures, by their place in the arrays below: 1 PREDICTIONS, 2 ROWS, 3 BYTES, 4 COMPUTE_MS (kept in microseconds), 5 COST
-- (millionths of a currency), 6 PLACES (running at once: held, and never charged).
--
-- A lease holds, of every measure that a HARD limit bounds for it, what its predictions may be charged:
--
--   limit_counters.reserved                       = sum of what matching leases hold (charged of it included)
--   limit_counters.used + charged by those leases = the ledger in the window
--
-- A counter is made when it is first needed, from the ledger and the leases as they are then, so a limit that is set in
-- the middle of a month counts from its beginning, and one that was removed leaves nothing behind.
--
-- Order of locks: the tenant's (`lock_tenant_quota`) -> leases, by id. Counters change under the tenant's lock only.
-- A charge locks leases only.

ALTER TABLE quota_leases
    ADD COLUMN model_id TEXT,
    ADD COLUMN subscription_id TEXT,
    ADD COLUMN currency TEXT,
    ADD COLUMN day_start TIMESTAMPTZ(3) NOT NULL DEFAULT date_trunc('day', now(), 'UTC'),
    -- Under which its units were granted, in order. When others count now, it is extended no more.
    ADD COLUMN limit_ids TEXT[] NOT NULL DEFAULT '{}',
    -- Of which it holds what is charged: 2 ROWS, 4 BYTES, 8 COMPUTE_MS, 16 COST, 32 PLACES. Of predictions always.
    ADD COLUMN measures INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN held_rows BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN held_bytes BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN held_compute_us BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN held_cost_micros BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN held_places BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN charged_rows BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN charged_bytes BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN charged_compute_us BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN charged_cost_micros BIGINT NOT NULL DEFAULT 0,
    -- Places in the month of the subscription that no charge has taken yet.
    ADD COLUMN ordinals INT8MULTIRANGE;
UPDATE quota_leases SET day_start = date_trunc('day', created_at, 'UTC');
-- A lease is the licence to charge, in every measure that is limited.
ALTER TABLE quota_leases ADD CONSTRAINT quota_leases_held CHECK (
    (measures & 2 = 0 OR charged_rows <= held_rows) AND (measures & 4 = 0 OR charged_bytes <= held_bytes)
    AND (measures & 8 = 0 OR charged_compute_us <= held_compute_us)
    AND (measures & 16 = 0 OR charged_cost_micros <= held_cost_micros)
);

CREATE TABLE quota_limits (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    -- TENANT, SUBSCRIPTION or API_KEY.
    subject TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    -- Null: of all models together.
    model_id TEXT,
    measure TEXT NOT NULL,
    -- MINUTE, DAY, MONTH, LIFETIME; NONE for places.
    span TEXT NOT NULL,
    currency TEXT,
    -- Predictions, rows, bytes, milliseconds, millionths of the currency, places.
    amount BIGINT NOT NULL,
    enforcement TEXT NOT NULL DEFAULT 'HARD',
    created_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT quota_limits_place UNIQUE NULLS NOT DISTINCT
        (tenant_id, subject, subject_id, model_id, measure, span, currency),
    CONSTRAINT quota_limits_subject CHECK (subject IN ('TENANT', 'SUBSCRIPTION', 'API_KEY')),
    CONSTRAINT quota_limits_measure CHECK (measure IN ('PREDICTIONS', 'ROWS', 'BYTES', 'COMPUTE_MS', 'COST', 'PLACES')),
    CONSTRAINT quota_limits_span CHECK (
        CASE measure WHEN 'PLACES' THEN span = 'NONE' ELSE span IN ('MINUTE', 'DAY', 'MONTH', 'LIFETIME') END
    ),
    CONSTRAINT quota_limits_currency CHECK ((measure = 'COST') = (currency IS NOT NULL)),
    CONSTRAINT quota_limits_amount CHECK (amount BETWEEN 0 AND 9000000000000000),
    -- What went over a rate is not made up for by paying for it.
    CONSTRAINT quota_limits_enforcement CHECK (
        enforcement = 'HARD' OR (enforcement = 'SOFT' AND span NOT IN ('MINUTE', 'NONE'))
    )
);

CREATE TABLE limit_counters (
    limit_id TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    -- Of the day or month; the epoch for what has none.
    window_start TIMESTAMPTZ(3) NOT NULL,
    used BIGINT NOT NULL DEFAULT 0,
    reserved BIGINT NOT NULL DEFAULT 0,
    -- MINUTE only: how full the bucket was then. It empties by the amount in a minute (GCRA, told in units).
    level DOUBLE PRECISION NOT NULL DEFAULT 0,
    level_at TIMESTAMPTZ(3),

    CONSTRAINT limit_counters_pkey PRIMARY KEY (limit_id, window_start),
    CONSTRAINT limit_counters_reserved CHECK (reserved >= 0)
) WITH (fillfactor = 50);

-- Raised once for each limit, window and percentage.
CREATE TABLE quota_threshold_events (
    limit_id TEXT NOT NULL,
    window_start TIMESTAMPTZ(3) NOT NULL,
    percent INTEGER NOT NULL,
    tenant_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    model_id TEXT,
    measure TEXT NOT NULL,
    span TEXT NOT NULL,
    currency TEXT,
    amount BIGINT NOT NULL,
    used BIGINT NOT NULL,
    raised_at TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT quota_threshold_events_pkey PRIMARY KEY (limit_id, window_start, percent)
);
CREATE INDEX quota_threshold_events_tenant_id_raised_at_idx
    ON quota_threshold_events(tenant_id, raised_at, limit_id, percent);

-- Which places in the month of a subscription nobody has: neither a charged prediction nor a lease.
CREATE TABLE subscription_ordinals (
    tenant_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL,
    period_start TIMESTAMPTZ(3) NOT NULL,
    free INT8MULTIRANGE NOT NULL DEFAULT '{[1,)}',

    CONSTRAINT subscription_ordinals_pkey PRIMARY KEY (tenant_id, subscription_id, period_start)
) WITH (fillfactor = 50);

DO $$
DECLARE
    v_table TEXT;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['quota_limits', 'limit_counters', 'quota_threshold_events', 'subscription_ordinals'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', v_table);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', v_table);
        -- Across tenants: an operator sets limits of others.
        EXECUTE format(
            'CREATE POLICY %I ON %I USING (tenant_id = app_tenant_id() OR app_across_tenants())
             WITH CHECK (tenant_id = app_tenant_id() OR app_across_tenants())', v_table || '_own', v_table);
    END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE, DELETE ON quota_limits, limit_counters TO souk_app;
GRANT SELECT, INSERT ON quota_threshold_events TO souk_app;
GRANT SELECT, INSERT, UPDATE ON subscription_ordinals TO souk_app;

DROP FUNCTION lease_quota(TEXT, TEXT, TEXT, TIMESTAMPTZ, BOOLEAN, BIGINT, BIGINT, BIGINT, TIMESTAMPTZ, TIMESTAMPTZ);
DROP FUNCTION return_quota(TEXT, TEXT, BIGINT, BOOLEAN);
DROP TRIGGER tenant_plans_recall ON tenant_plans;
DROP TRIGGER api_keys_recall ON api_keys;
DROP FUNCTION recall_on_limit_change();
DROP FUNCTION recall_leases(TEXT, TEXT, TEXT);

-- The first lock of everyone who changes what is counted for a tenant, whatever the month.
CREATE FUNCTION lock_tenant_quota(p_tenant_id TEXT)
RETURNS VOID LANGUAGE sql AS $$ SELECT pg_advisory_xact_lock(hashtextextended(p_tenant_id, 5)) $$;

CREATE FUNCTION measure_place(p_measure TEXT)
RETURNS INTEGER LANGUAGE sql IMMUTABLE AS $$
    SELECT array_position(ARRAY['PREDICTIONS', 'ROWS', 'BYTES', 'COMPUTE_MS', 'COST', 'PLACES'], p_measure)
$$;

-- In the units in which it is counted.
CREATE FUNCTION counted_amount(p_limit quota_limits)
RETURNS BIGINT LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE p_limit.measure WHEN 'COMPUTE_MS' THEN p_limit.amount * 1000 ELSE p_limit.amount END
$$;

CREATE FUNCTION window_start_of(p_span TEXT, p_month TIMESTAMPTZ, p_day TIMESTAMPTZ)
RETURNS TIMESTAMPTZ LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE p_span WHEN 'DAY' THEN p_day WHEN 'MONTH' THEN p_month ELSE to_timestamp(0) END
$$;

CREATE FUNCTION held_of(l quota_leases)
RETURNS BIGINT[] LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY[l.units, l.held_rows, l.held_bytes, l.held_compute_us, l.held_cost_micros, l.held_places]
$$;

CREATE FUNCTION charged_of(l quota_leases)
RETURNS BIGINT[] LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY[l.charged, l.charged_rows, l.charged_bytes, l.charged_compute_us, l.charged_cost_micros, 0::bigint]
$$;

-- Whether what is charged to these counts under the limit.
CREATE FUNCTION counts_under(p_limit quota_limits, p_api_key_id TEXT, p_model_id TEXT, p_subscription_id TEXT, p_currency TEXT)
RETURNS BOOLEAN LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE p_limit.subject
            WHEN 'TENANT' THEN true
            WHEN 'API_KEY' THEN p_api_key_id IS NOT NULL AND p_limit.subject_id = p_api_key_id
            ELSE p_subscription_id IS NOT NULL AND p_limit.subject_id = p_subscription_id
        END
        AND (p_limit.model_id IS NULL OR p_limit.model_id IS NOT DISTINCT FROM p_model_id)
        AND (p_limit.currency IS NULL OR p_limit.currency IS NOT DISTINCT FROM p_currency)
$$;

-- What the ledger has in the window of the limit: a day by its events, longer by the sums of its days, which stay when old
-- events are dropped.
CREATE FUNCTION charged_under(p_limit quota_limits, p_window_start TIMESTAMPTZ)
RETURNS BIGINT LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(CASE p_limit.measure WHEN 'PREDICTIONS' THEN e.predictions WHEN 'ROWS' THEN e.rows
            WHEN 'BYTES' THEN e.bytes WHEN 'COMPUTE_MS' THEN e.compute_us WHEN 'COST' THEN e.cost_micros ELSE 0 END), 0)::bigint
    FROM (
        SELECT u.api_key_id, u.model_id, u.subscription_id, u.currency, u.units AS predictions, u.rows, u.bytes, u.compute_us,
            u.cost_micros
        FROM usage_events u
        WHERE p_limit.span = 'DAY' AND u.tenant_id = p_limit.tenant_id
            AND u.period_start = date_trunc('month', p_window_start, 'UTC')
            AND u.created_at >= p_window_start AND u.created_at < p_window_start + INTERVAL '1 day'
        UNION ALL
        SELECT s.api_key_id, s.model_id, s.subscription_id, s.currency, d.predictions, d.rows, d.bytes, d.compute_us,
            d.cost_micros
        FROM usage_series s JOIN usage_days d ON d.series_id = s.id
        WHERE p_limit.span <> 'DAY' AND s.tenant_id = p_limit.tenant_id AND d.tenant_id = p_limit.tenant_id
            AND (p_limit.span = 'LIFETIME' OR date_trunc('month', d.period_start, 'UTC') = p_window_start)
        UNION ALL
        SELECT n.api_key_id, n.model_id, n.subscription_id, n.currency, n.predictions, n.rows, n.bytes, n.compute_us,
            n.cost_micros
        FROM usage_deltas n
        WHERE p_limit.span <> 'DAY' AND n.tenant_id = p_limit.tenant_id
            AND (p_limit.span = 'LIFETIME' OR date_trunc('month', n.hour, 'UTC') = p_window_start)
    ) e
    WHERE counts_under(p_limit, e.api_key_id, e.model_id, e.subscription_id, e.currency)
$$;

-- Charged by the leases under the limit and not carried over to its counter; with what they hold.
CREATE FUNCTION leased_under(p_limit quota_limits, p_window_start TIMESTAMPTZ, OUT held BIGINT, OUT charged BIGINT)
LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum((held_of(l))[measure_place(p_limit.measure)]), 0)::bigint,
        coalesce(sum((charged_of(l))[measure_place(p_limit.measure)]), 0)::bigint
    FROM quota_leases l
    WHERE l.tenant_id = p_limit.tenant_id
        AND window_start_of(p_limit.span, l.period_start, l.day_start) = p_window_start
        AND counts_under(p_limit, l.api_key_id, l.model_id, l.subscription_id, l.currency)
$$;

-- The counter of a limit in a window, made when it is not there. Only under the tenant's lock.
CREATE FUNCTION open_limit_counter(p_limit quota_limits, p_window_start TIMESTAMPTZ, p_now TIMESTAMPTZ)
RETURNS limit_counters LANGUAGE plpgsql AS $$
DECLARE
    v_counter limit_counters;
    v_leased RECORD;
BEGIN
    SELECT * INTO v_counter FROM limit_counters c WHERE c.limit_id = p_limit.id AND c.window_start = p_window_start;
    IF FOUND THEN
        -- The clock was put back since: else the bucket would not empty before that time has come again.
        IF v_counter.level_at > p_now + INTERVAL '10 seconds' THEN
            UPDATE limit_counters c SET level_at = p_now
                WHERE c.limit_id = p_limit.id AND c.window_start = p_window_start;
            v_counter.level_at := p_now;
        END IF;
        RETURN v_counter;
    END IF;
    v_counter := ROW(p_limit.id, p_limit.tenant_id, p_window_start, 0, 0, 0, p_now);
    IF p_limit.span = 'MONTH' AND p_limit.measure = 'PREDICTIONS' AND p_limit.model_id IS NULL
            AND p_limit.subject <> 'SUBSCRIPTION' THEN
        -- Counted always.
        SELECT q.used, q.reserved INTO v_counter.used, v_counter.reserved FROM quota_counters q
            WHERE q.subject = p_limit.subject AND q.subject_id = p_limit.subject_id AND q.period_start = p_window_start;
        v_counter.used := coalesce(v_counter.used, 0);
        v_counter.reserved := coalesce(v_counter.reserved, 0);
    ELSIF p_limit.span <> 'MINUTE' THEN
        -- Whoever charges waits for this, so that ledger and leases are read as of one moment.
        PERFORM 1 FROM quota_leases l WHERE l.tenant_id = p_limit.tenant_id ORDER BY l.id FOR UPDATE;
        SELECT * INTO v_leased FROM leased_under(p_limit, p_window_start);
        v_counter.reserved := v_leased.held;
        IF p_limit.measure <> 'PLACES' THEN
            v_counter.used := charged_under(p_limit, p_window_start) - v_leased.charged;
        END IF;
    END IF;
    INSERT INTO limit_counters SELECT v_counter.*;
    IF p_limit.span IN ('DAY', 'MONTH') THEN
        DELETE FROM limit_counters c WHERE c.limit_id = p_limit.id AND c.window_start < p_window_start - INTERVAL '70 days';
    END IF;
    RETURN v_counter;
END
$$;

-- How full the bucket of a MINUTE limit is.
CREATE FUNCTION level_of(p_limit quota_limits, p_counter limit_counters, p_now TIMESTAMPTZ)
RETURNS DOUBLE PRECISION LANGUAGE sql IMMUTABLE AS $$
    SELECT greatest(0, p_counter.level - counted_amount(p_limit)::float8
        * greatest(0, extract(epoch FROM p_now - p_counter.level_at)::float8) / 60)
$$;

-- The percentages that `used` passes now; each is told once in a window.
CREATE FUNCTION raise_thresholds(p_limit quota_limits, p_window_start TIMESTAMPTZ, p_used BIGINT, p_now TIMESTAMPTZ)
RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
    v_percent INTEGER;
    v_amount NUMERIC := counted_amount(p_limit);
BEGIN
    FOREACH v_percent IN ARRAY ARRAY[50, 80, 100] LOOP
        CONTINUE WHEN p_used::numeric * 100 < v_amount * v_percent;
        INSERT INTO quota_threshold_events VALUES (p_limit.id, p_window_start, v_percent, p_limit.tenant_id, p_limit.subject,
                p_limit.subject_id, p_limit.model_id, p_limit.measure, p_limit.span, p_limit.currency, p_limit.amount,
                p_used, p_now)
            ON CONFLICT DO NOTHING;
        IF FOUND THEN
            PERFORM pg_notify('souk_quota_threshold', jsonb_build_object('tenantId', p_limit.tenant_id,
                'subject', p_limit.subject, 'subjectId', p_limit.subject_id, 'modelId', p_limit.model_id,
                'measure', p_limit.measure, 'window', p_limit.span, 'percent', v_percent)::text);
        END IF;
    END LOOP;
END
$$;

-- Moves what a lease has charged to `used` of every counter under which it counts, and changes what it holds there.
-- `p_more`: in each measure, negative for what comes back. Only under the tenant's lock.
CREATE FUNCTION carry_over(p_lease quota_leases, p_more BIGINT[], p_now TIMESTAMPTZ)
RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
    v_limit quota_limits;
    v_counter limit_counters;
    v_held BIGINT[] := held_of(p_lease);
    v_charged BIGINT[] := charged_of(p_lease);
    v_place INTEGER;
BEGIN
    IF v_charged[1] > 0 OR p_more[1] <> 0 THEN
        UPDATE quota_counters c SET used = c.used + v_charged[1], reserved = c.reserved - v_charged[1] + p_more[1]
            WHERE c.subject = 'TENANT' AND c.subject_id = p_lease.tenant_id AND c.period_start = p_lease.period_start;
        UPDATE quota_counters c SET used = c.used + v_charged[1], reserved = c.reserved - v_charged[1] + p_more[1]
            WHERE c.subject = 'API_KEY' AND c.subject_id = p_lease.api_key_id AND c.period_start = p_lease.period_start;
    END IF;
    FOR v_limit IN
        SELECT q.* FROM quota_limits q
        WHERE q.tenant_id = p_lease.tenant_id
            AND counts_under(q, p_lease.api_key_id, p_lease.model_id, p_lease.subscription_id, p_lease.currency)
    LOOP
        v_place := measure_place(v_limit.measure);
        CONTINUE WHEN v_charged[v_place] = 0 AND p_more[v_place] = 0;
        IF v_limit.span = 'MINUTE' THEN
            -- What it was granted before the limit was made, the bucket knows nothing of. Taken off what was there at
            -- `level_at`: the same as if it had never been added.
            UPDATE limit_counters c SET
                    level = CASE WHEN p_more[v_place] > 0 THEN level_of(v_limit, c, p_now) ELSE c.level END + p_more[v_place],
                    level_at = CASE WHEN p_more[v_place] > 0 THEN greatest(c.level_at, p_now) ELSE c.level_at END
                WHERE c.limit_id = v_limit.id AND v_limit.id = ANY (p_lease.limit_ids);
        ELSE
            -- One that is not there is made from the ledger and the leases when it is needed.
            UPDATE limit_counters c SET used = c.used + v_charged[v_place],
                    reserved = c.reserved - least(v_charged[v_place], v_held[v_place]) + p_more[v_place]
                WHERE c.limit_id = v_limit.id
                    AND c.window_start = window_start_of(v_limit.span, p_lease.period_start, p_lease.day_start)
                RETURNING * INTO v_counter;
            IF FOUND AND v_charged[v_place] > 0 THEN
                PERFORM raise_thresholds(v_limit, v_counter.window_start, v_counter.used, p_now);
            END IF;
        END IF;
    END LOOP;
END
$$;

-- Asks holders to give back what is idle: all of a tenant's, or those of one key, model or subscription. Answers whether
-- there is anybody to wait for: one that was asked a second ago and is still silent is dead or cut off, and will be swept.
-- The one place that takes the time from Postgres, which is the same for all processes; it decides about patience only.
CREATE FUNCTION recall_leases(
    p_tenant_id TEXT, p_api_key_id TEXT, p_model_id TEXT, p_subscription_id TEXT, p_except_id TEXT
)
RETURNS BOOLEAN LANGUAGE plpgsql AS $$
DECLARE
    v_lease RECORD;
    v_is_new BOOLEAN := false;
    v_is_awaited BOOLEAN := false;
BEGIN
    FOR v_lease IN
        SELECT l.id, l.recalled_at FROM quota_leases l
        WHERE l.tenant_id = p_tenant_id AND l.is_loose AND l.id IS DISTINCT FROM p_except_id
            AND (p_api_key_id IS NULL OR l.api_key_id = p_api_key_id)
            AND (p_model_id IS NULL OR l.model_id = p_model_id)
            AND (p_subscription_id IS NULL OR l.subscription_id = p_subscription_id)
        ORDER BY l.id FOR UPDATE
    LOOP
        IF v_lease.recalled_at IS NULL THEN
            UPDATE quota_leases SET recalled_at = clock_timestamp() WHERE id = v_lease.id;
            v_is_new := true;
        ELSIF v_lease.recalled_at > clock_timestamp() - INTERVAL '1 second' THEN
            v_is_awaited := true;
        END IF;
    END LOOP;
    IF v_is_new THEN
        PERFORM pg_notify('souk_quota_recall', p_tenant_id);
    END IF;
    RETURN v_is_new OR v_is_awaited;
END
$$;

-- The lowest places that nobody has.
CREATE FUNCTION take_ordinals(p_tenant_id TEXT, p_subscription_id TEXT, p_month TIMESTAMPTZ, p_count BIGINT)
RETURNS INT8MULTIRANGE LANGUAGE plpgsql AS $$
DECLARE
    v_free INT8MULTIRANGE;
    v_range INT8RANGE;
    v_taken INT8MULTIRANGE := '{}';
    v_rest BIGINT := p_count;
    v_end BIGINT;
BEGIN
    INSERT INTO subscription_ordinals (tenant_id, subscription_id, period_start)
        VALUES (p_tenant_id, p_subscription_id, p_month) ON CONFLICT DO NOTHING;
    SELECT o.free INTO STRICT v_free FROM subscription_ordinals o
        WHERE o.tenant_id = p_tenant_id AND o.subscription_id = p_subscription_id AND o.period_start = p_month;
    FOR v_range IN SELECT r FROM unnest(v_free) r ORDER BY r LOOP
        EXIT WHEN v_rest = 0;
        v_end := least(upper(v_range), lower(v_range) + v_rest);
        v_rest := v_rest - (v_end - lower(v_range));
        v_taken := v_taken + int8multirange(int8range(lower(v_range), v_end));
    END LOOP;
    UPDATE subscription_ordinals o SET free = o.free - v_taken
        WHERE o.tenant_id = p_tenant_id AND o.subscription_id = p_subscription_id AND o.period_start = p_month;
    RETURN v_taken;
END
$$;

-- Takes what predictions that wait claim, under all limits that count for the account: of each prediction all or
-- nothing, in their order (`p_claims`, a row for each; `p_total`, their sum), beside what the lease has idle (`p_idle`).
-- When all are served, up to `p_ahead` more, but at most an eighth of what is left in each measure, so that leases become
-- small as a limit comes near; and nothing ahead under a limit by the minute: a rate counts when a prediction begins. Extends the lease, or makes it when `p_is_new`.
-- `state`: GRANTED; SHORT: not all were served; GONE: the lease that was to be extended is not there any more; STALE:
-- other limits count for it than those under which it was granted, so that a new one is needed.
-- `room`: predictions left under the tightest limit. `is_recalling`: when SHORT, whether others were asked to give back,
-- so that it is worth while to ask again; else whether this lease is asked for.
-- Limits are read under the lock: under READ COMMITTED each statement sees what is committed when it begins, and whoever
-- changes a limit takes the lock before the change is committed.
CREATE FUNCTION lease_quota(
    p_tenant_id TEXT, p_lease_id TEXT, p_api_key_id TEXT, p_model_id TEXT, p_subscription_id TEXT, p_currency TEXT,
    p_month TIMESTAMPTZ, p_day TIMESTAMPTZ, p_is_new BOOLEAN, p_claims BIGINT[], p_total BIGINT[], p_idle BIGINT[],
    p_ahead BIGINT[], p_expires_at TIMESTAMPTZ, p_now TIMESTAMPTZ
)
RETURNS TABLE (
    state TEXT, granted BIGINT[], measures INTEGER, room BIGINT, weight INTEGER, is_loose BOOLEAN,
    is_recalling BOOLEAN, ordinals INT8MULTIRANGE, limits JSONB
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_weight INTEGER;
    v_lease quota_leases;
    v_limit quota_limits;
    v_counter limit_counters;
    v_limits quota_limits[] := '{}';
    v_ids TEXT[] := '{}';
    -- By limit; null: SOFT.
    v_lefts BIGINT[] := '{}';
    v_levels DOUBLE PRECISION[] := '{}';
    v_useds BIGINT[] := '{}';
    -- By measure; null: unlimited.
    v_left BIGINT[] := ARRAY[NULL, NULL, NULL, NULL, NULL, NULL]::bigint[];
    v_room BIGINT;
    v_need BIGINT[] := ARRAY[0, 0, 0, 0, 0, 0]::bigint[];
    v_granted BIGINT[] := ARRAY[0, 0, 0, 0, 0, 0]::bigint[];
    -- The smallest claim of those that could not be served, where that measure was short for it.
    v_unserved BIGINT[] := ARRAY[NULL, NULL, NULL, NULL, NULL, NULL]::bigint[];
    v_ordinals INT8MULTIRANGE;
    v_measures INTEGER := 0;
    v_is_loose BOOLEAN := false;
    v_place INTEGER;
    v_index INTEGER;
    v_one BIGINT;
    v_amount BIGINT;
    v_is_rated BOOLEAN := false;
    v_is_short BOOLEAN := false;
    v_does_fit BOOLEAN;
    v_is_recalling BOOLEAN := false;
    v_told JSONB := '[]';
BEGIN
    -- A crash of Postgres may lose a lease, together with its part of `reserved`: the units come back and the
    -- predictions on it cannot settle. So nobody needs to wait for the disk here; the charge does wait.
    PERFORM set_config('synchronous_commit', 'off', true);
    PERFORM lock_tenant_quota(p_tenant_id);
    SELECT p.weight INTO v_weight FROM tenant_plans p WHERE p.tenant_id = p_tenant_id;
    PERFORM lock_quota_counter(p_tenant_id, 'TENANT', p_tenant_id, p_month);
    IF p_api_key_id IS NOT NULL THEN
        PERFORM lock_quota_counter(p_tenant_id, 'API_KEY', p_api_key_id, p_month);
    END IF;
    IF NOT p_is_new THEN
        SELECT * INTO v_lease FROM quota_leases l
            WHERE l.id = p_lease_id AND l.tenant_id = p_tenant_id FOR UPDATE;
        IF NOT FOUND THEN
            RETURN QUERY SELECT 'GONE', NULL::BIGINT[], 0, NULL::BIGINT, 1, false, false, NULL::INT8MULTIRANGE, v_told;
            RETURN;
        END IF;
    END IF;

    FOR v_limit IN
        SELECT q.* FROM quota_limits q
        WHERE q.tenant_id = p_tenant_id
            AND counts_under(q, p_api_key_id, p_model_id, p_subscription_id, p_currency) ORDER BY q.id
    LOOP
        v_place := measure_place(v_limit.measure);
        v_counter := open_limit_counter(v_limit, window_start_of(v_limit.span, p_month, p_day), p_now);
        v_amount := counted_amount(v_limit);
        v_one := NULL;
        IF v_limit.span = 'MINUTE' THEN
            v_is_rated := true;
            v_counter.level := level_of(v_limit, v_counter, p_now);
            -- A millionth of a unit for what is lost in rounding.
            v_one := greatest(0, floor(v_amount - v_counter.level + 0.000001)::bigint);
        ELSIF v_limit.enforcement = 'HARD' THEN
            v_one := greatest(0, v_amount - v_counter.used - v_counter.reserved);
            IF v_place = 1 THEN
                v_room := least(v_room, v_one);
            END IF;
        END IF;
        IF v_one IS NOT NULL THEN
            -- `least` passes over nulls.
            v_left[v_place] := least(v_left[v_place], v_one);
            v_measures := v_measures | (1 << (v_place - 1));
        END IF;
        v_ids := v_ids || v_limit.id;
        v_limits := array_append(v_limits, v_limit);
        v_lefts := v_lefts || v_one;
        v_levels := v_levels || v_counter.level;
        v_useds := v_useds || v_counter.used;
    END LOOP;
    -- Of predictions every lease holds what is charged.
    v_measures := v_measures & 62;
    IF NOT p_is_new AND v_lease.limit_ids <> v_ids THEN
        RETURN QUERY SELECT 'STALE', NULL::BIGINT[], 0, NULL::BIGINT, 1, false, false, NULL::INT8MULTIRANGE, v_told;
        RETURN;
    END IF;

    FOR v_place IN 1..6 LOOP
        IF p_total[v_place] > v_left[v_place] + p_idle[v_place] THEN
            v_is_short := true;
        END IF;
    END LOOP;
    IF NOT v_is_short THEN
        v_need := p_total;
    ELSE
        v_is_short := false;
        FOR v_index IN 1..coalesce(array_length(p_claims, 1), 0) LOOP
            v_does_fit := true;
            FOR v_place IN 1..6 LOOP
                v_one := p_claims[v_index][v_place];
                IF v_need[v_place] + v_one > v_left[v_place] + p_idle[v_place] THEN
                    v_does_fit := false;
                    v_unserved[v_place] := least(v_unserved[v_place], v_one);
                END IF;
            END LOOP;
            IF v_does_fit THEN
                FOR v_place IN 1..6 LOOP
                    v_need[v_place] := v_need[v_place] + p_claims[v_index][v_place];
                END LOOP;
            ELSE
                v_is_short := true;
            END IF;
        END LOOP;
    END IF;
    FOR v_place IN 1..6 LOOP
        IF v_place = 1 OR v_left[v_place] IS NOT NULL THEN
            v_granted[v_place] := greatest(0, v_need[v_place] - p_idle[v_place]);
        END IF;
    END LOOP;
    IF NOT v_is_short AND NOT v_is_rated THEN
        FOR v_place IN 1..6 LOOP
            IF p_ahead[v_place] > 0 AND (v_place = 1 OR v_left[v_place] IS NOT NULL) THEN
                v_one := least(p_ahead[v_place], (v_left[v_place] - v_granted[v_place]) / 8);
                v_granted[v_place] := v_granted[v_place] + v_one;
                v_is_loose := v_is_loose OR v_one > 0;
            END IF;
        END LOOP;
    END IF;

    IF p_subscription_id IS NOT NULL AND v_granted[1] > 0 THEN
        v_ordinals := take_ordinals(p_tenant_id, p_subscription_id, p_month, v_granted[1]);
    END IF;
    IF NOT p_is_new THEN
        PERFORM carry_over(v_lease, v_granted, p_now);
        -- What was loose stays so until its holder says otherwise: it may have idle units from before.
        UPDATE quota_leases l SET units = l.units - l.charged + v_granted[1], charged = 0,
                held_rows = greatest(0, l.held_rows - l.charged_rows) + v_granted[2], charged_rows = 0,
                held_bytes = greatest(0, l.held_bytes - l.charged_bytes) + v_granted[3], charged_bytes = 0,
                held_compute_us = greatest(0, l.held_compute_us - l.charged_compute_us) + v_granted[4],
                charged_compute_us = 0,
                held_cost_micros = greatest(0, l.held_cost_micros - l.charged_cost_micros) + v_granted[5],
                charged_cost_micros = 0, held_places = l.held_places + v_granted[6],
                ordinals = CASE WHEN v_ordinals IS NULL THEN l.ordinals ELSE l.ordinals + v_ordinals END,
                is_loose = l.is_loose OR v_is_loose, expires_at = greatest(l.expires_at, p_expires_at)
            WHERE l.id = p_lease_id;
    ELSIF v_granted[1] > 0 THEN
        INSERT INTO quota_leases (id, tenant_id, api_key_id, model_id, subscription_id, currency, period_start, day_start,
                limit_ids, measures, units, held_rows, held_bytes, held_compute_us, held_cost_micros, held_places, ordinals,
                is_loose, expires_at, created_at)
            VALUES (p_lease_id, p_tenant_id, p_api_key_id, p_model_id, p_subscription_id, p_currency, p_month, p_day,
                v_ids, v_measures, v_granted[1], v_granted[2], v_granted[3], v_granted[4], v_granted[5], v_granted[6],
                v_ordinals, v_is_loose, p_expires_at, p_now)
            RETURNING * INTO v_lease;
        PERFORM carry_over(v_lease, v_granted, p_now);
    END IF;

    FOR v_index IN 1..coalesce(array_length(v_ids, 1), 0) LOOP
        v_limit := v_limits[v_index];
        v_place := measure_place(v_limit.measure);
        IF v_unserved[v_place] > v_lefts[v_index] + p_idle[v_place] - v_need[v_place] THEN
            SELECT v_useds[v_index] + coalesce(u.charged, 0)
                -- This lease's own are in `charged` of before: they were carried over after the counters were read.
                + CASE WHEN p_is_new THEN 0 ELSE (charged_of(v_lease))[v_place] END INTO v_one
                FROM leased_under(v_limit, window_start_of(v_limit.span, p_month, p_day)) u;
            v_useds[v_index] := CASE
                WHEN v_limit.measure = 'PLACES' THEN v_limit.amount - v_lefts[v_index] + v_granted[v_place]
                WHEN v_limit.span = 'MINUTE' THEN ceil(v_levels[v_index] + v_granted[v_place] - 0.000001)::bigint
                ELSE v_one END;
            IF v_limit.span <> 'MINUTE' THEN
                v_is_recalling := recall_leases(p_tenant_id,
                    CASE v_limit.subject WHEN 'API_KEY' THEN v_limit.subject_id END, v_limit.model_id,
                    CASE v_limit.subject WHEN 'SUBSCRIPTION' THEN v_limit.subject_id END, p_lease_id) OR v_is_recalling;
            END IF;
        END IF;
        v_told := v_told || jsonb_build_object('id', v_limit.id, 'subject', v_limit.subject, 'subjectId', v_limit.subject_id,
            'modelId', v_limit.model_id, 'measure', v_limit.measure, 'window', v_limit.span, 'currency', v_limit.currency,
            'amount', v_limit.amount, 'isHard', v_limit.enforcement = 'HARD', 'used', v_useds[v_index],
            'left', v_lefts[v_index] - v_granted[v_place], 'level', v_levels[v_index] + v_granted[v_place]);
    END LOOP;
    RETURN QUERY SELECT CASE WHEN v_is_short THEN 'SHORT' ELSE 'GRANTED' END, v_granted, v_measures,
        v_room - v_granted[1], coalesce(v_weight, 1), v_is_loose,
        CASE WHEN v_is_short THEN v_is_recalling ELSE v_lease.recalled_at IS NOT NULL END, v_ordinals, v_told;
END
$$;

-- Gives `p_back` of a lease back (by measure), with these places in the month of its subscription; or, when null, ends the
-- lease and gives back all that it did not charge. What it did is carried over to `used`. `p_is_loose`: the lease may
-- still have idle units. Answers false when there is no such lease: it was ended or swept before.
CREATE FUNCTION return_quota(
    p_tenant_id TEXT, p_lease_id TEXT, p_back BIGINT[], p_ordinals INT8MULTIRANGE, p_is_loose BOOLEAN, p_now TIMESTAMPTZ
)
RETURNS BOOLEAN LANGUAGE plpgsql AS $$
DECLARE
    v_lease quota_leases;
    v_held BIGINT[];
    v_charged BIGINT[];
    v_more BIGINT[] := '{}';
    v_ordinals INT8MULTIRANGE := p_ordinals;
BEGIN
    -- What a crash of Postgres loses of this is made up by the sweep.
    PERFORM set_config('synchronous_commit', 'off', true);
    PERFORM lock_tenant_quota(p_tenant_id);
    SELECT * INTO v_lease FROM quota_leases l WHERE l.id = p_lease_id AND l.tenant_id = p_tenant_id FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    v_held := held_of(v_lease);
    v_charged := charged_of(v_lease);
    FOR v_place IN 1..6 LOOP
        v_more := v_more || -coalesce(p_back[v_place], greatest(0, v_held[v_place] - v_charged[v_place]));
    END LOOP;
    PERFORM carry_over(v_lease, v_more, p_now);
    IF p_back IS NULL THEN
        v_ordinals := v_lease.ordinals;
        DELETE FROM quota_leases WHERE id = p_lease_id;
    ELSE
        UPDATE quota_leases l SET units = l.units - l.charged + v_more[1], charged = 0,
                held_rows = greatest(0, l.held_rows - l.charged_rows) + v_more[2], charged_rows = 0,
                held_bytes = greatest(0, l.held_bytes - l.charged_bytes) + v_more[3], charged_bytes = 0,
                held_compute_us = greatest(0, l.held_compute_us - l.charged_compute_us) + v_more[4],
                charged_compute_us = 0,
                held_cost_micros = greatest(0, l.held_cost_micros - l.charged_cost_micros) + v_more[5],
                charged_cost_micros = 0, held_places = l.held_places + v_more[6],
                ordinals = CASE WHEN p_ordinals IS NULL THEN l.ordinals ELSE l.ordinals - p_ordinals END,
                is_loose = p_is_loose, recalled_at = CASE WHEN p_is_loose THEN l.recalled_at END
            WHERE l.id = p_lease_id;
    END IF;
    IF v_ordinals IS NOT NULL THEN
        UPDATE subscription_ordinals o SET free = o.free + v_ordinals
            WHERE o.tenant_id = p_tenant_id AND o.subscription_id = v_lease.subscription_id AND o.period_start = v_lease.period_start;
    END IF;
    RETURN true;
END
$$;

-- A changed limit counts from the next request: whoever changes it, by whatever statement, waits for those who are
-- taking units under the old one, and asks all holders for what is idle.
CREATE FUNCTION recall_on_limit_change() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    v_limit quota_limits := coalesce(NEW, OLD);
BEGIN
    PERFORM lock_tenant_quota(v_limit.tenant_id);
    IF TG_OP = 'DELETE' THEN
        DELETE FROM limit_counters c WHERE c.limit_id = OLD.id;
    END IF;
    PERFORM recall_leases(v_limit.tenant_id, CASE v_limit.subject WHEN 'API_KEY' THEN v_limit.subject_id END,
        v_limit.model_id, CASE v_limit.subject WHEN 'SUBSCRIPTION' THEN v_limit.subject_id END, NULL);
    RETURN NULL;
END
$$;
CREATE TRIGGER quota_limits_recall AFTER INSERT OR DELETE OR UPDATE OF amount, enforcement ON quota_limits
    FOR EACH ROW EXECUTE FUNCTION recall_on_limit_change();

-- The predictions a month of a plan and of a key are a limit like any other; the column is the short way to set it.
CREATE FUNCTION set_monthly_limit(p_tenant_id TEXT, p_subject TEXT, p_subject_id TEXT, p_amount BIGINT)
RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
    IF p_amount IS NULL THEN
        DELETE FROM quota_limits q WHERE q.tenant_id = p_tenant_id AND q.subject = p_subject AND q.subject_id = p_subject_id
            AND q.model_id IS NULL AND q.measure = 'PREDICTIONS' AND q.span = 'MONTH' AND q.enforcement = 'HARD';
    ELSE
        INSERT INTO quota_limits (id, tenant_id, subject, subject_id, measure, span, amount)
            VALUES ('lim_' || substr(p_subject_id, 5), p_tenant_id, p_subject, p_subject_id, 'PREDICTIONS', 'MONTH', p_amount)
            ON CONFLICT ON CONSTRAINT quota_limits_place
            DO UPDATE SET amount = excluded.amount, enforcement = 'HARD', updated_at = CURRENT_TIMESTAMP;
    END IF;
END
$$;

CREATE FUNCTION plan_to_limit() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_monthly_limit(NEW.tenant_id, 'TENANT', NEW.tenant_id, NEW.predictions_per_month);
    -- The weight comes with the leases.
    PERFORM lock_tenant_quota(NEW.tenant_id);
    PERFORM recall_leases(NEW.tenant_id, NULL, NULL, NULL, NULL);
    RETURN NULL;
END
$$;
CREATE TRIGGER tenant_plans_limit AFTER INSERT OR UPDATE OF predictions_per_month, weight ON tenant_plans
    FOR EACH ROW EXECUTE FUNCTION plan_to_limit();

CREATE FUNCTION key_to_limit() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_monthly_limit(NEW.tenant_id, 'API_KEY', NEW.id, NEW.predictions_per_month);
    RETURN NULL;
END
$$;
CREATE TRIGGER api_keys_limit AFTER INSERT OR UPDATE OF predictions_per_month ON api_keys
    FOR EACH ROW EXECUTE FUNCTION key_to_limit();

ALTER TABLE tenant_plans NO FORCE ROW LEVEL SECURITY;
ALTER TABLE api_keys NO FORCE ROW LEVEL SECURITY;
ALTER TABLE quota_limits NO FORCE ROW LEVEL SECURITY;
INSERT INTO quota_limits (id, tenant_id, subject, subject_id, measure, span, amount)
    SELECT 'lim_' || substr(tenant_id, 5), tenant_id, 'TENANT', tenant_id, 'PREDICTIONS', 'MONTH', predictions_per_month
    FROM tenant_plans WHERE predictions_per_month IS NOT NULL
    UNION ALL
    SELECT 'lim_' || substr(id, 5), tenant_id, 'API_KEY', id, 'PREDICTIONS', 'MONTH', predictions_per_month
    FROM api_keys WHERE predictions_per_month IS NOT NULL;
ALTER TABLE tenant_plans FORCE ROW LEVEL SECURITY;
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
ALTER TABLE quota_limits FORCE ROW LEVEL SECURITY;

-- How the limits of a tenant stand, of all its subscriptions and of the named keys. `reserved`: held and not charged.
CREATE FUNCTION limit_states(
    p_tenant_id TEXT, p_api_key_ids TEXT[], p_month TIMESTAMPTZ, p_day TIMESTAMPTZ, p_now TIMESTAMPTZ
)
RETURNS TABLE (
    id TEXT, subject TEXT, subject_id TEXT, model_id TEXT, measure TEXT, span TEXT, currency TEXT, amount BIGINT,
    enforcement TEXT, window_start TIMESTAMPTZ, used BIGINT, reserved BIGINT, level DOUBLE PRECISION
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_limit quota_limits;
    v_counter limit_counters;
    v_start TIMESTAMPTZ;
    v_charged BIGINT;
    v_open BIGINT;
BEGIN
    PERFORM lock_tenant_quota(p_tenant_id);
    FOR v_limit IN
        SELECT q.* FROM quota_limits q
        WHERE q.tenant_id = p_tenant_id AND (q.subject <> 'API_KEY' OR q.subject_id = ANY (p_api_key_ids))
        ORDER BY measure_place(q.measure), q.span, q.subject, q.id
    LOOP
        v_start := window_start_of(v_limit.span, p_month, p_day);
        v_counter := open_limit_counter(v_limit, v_start, p_now);
        SELECT coalesce(sum(h.charged), 0)::bigint, coalesce(sum(greatest(0, h.held - h.charged)), 0)::bigint
            INTO v_charged, v_open
            FROM (
                SELECT (held_of(l))[measure_place(v_limit.measure)] AS held,
                    (charged_of(l))[measure_place(v_limit.measure)] AS charged
                FROM quota_leases l
                WHERE l.tenant_id = p_tenant_id AND window_start_of(v_limit.span, l.period_start, l.day_start) = v_start
                    AND counts_under(v_limit, l.api_key_id, l.model_id, l.subscription_id, l.currency)
            ) h;
        IF v_limit.span = 'MINUTE' THEN
            RETURN QUERY SELECT v_limit.id, v_limit.subject, v_limit.subject_id, v_limit.model_id, v_limit.measure,
                v_limit.span, v_limit.currency, v_limit.amount, v_limit.enforcement, v_start, 0::bigint, 0::bigint,
                level_of(v_limit, v_counter, p_now);
        ELSE
            RETURN QUERY SELECT v_limit.id, v_limit.subject, v_limit.subject_id, v_limit.model_id, v_limit.measure,
                v_limit.span, v_limit.currency, v_limit.amount, v_limit.enforcement, v_start,
                v_counter.used + v_charged, v_open, 0::float8;
        END IF;
    END LOOP;
END
$$;

-- For whoever changes what is charged by other ways than a charge (corrections, refunds): adds to `used` of all that counts
-- it. `p_more`: by measure; `p_month` and `p_day`: of the event that was added to the ledger in the same transaction.
CREATE FUNCTION add_to_used(
    p_tenant_id TEXT, p_api_key_id TEXT, p_model_id TEXT, p_subscription_id TEXT, p_currency TEXT,
    p_month TIMESTAMPTZ, p_day TIMESTAMPTZ, p_more BIGINT[]
)
RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
    PERFORM lock_tenant_quota(p_tenant_id);
    PERFORM lock_quota_counter(p_tenant_id, 'TENANT', p_tenant_id, p_month);
    UPDATE quota_counters c SET used = c.used + p_more[1]
        WHERE c.subject = 'TENANT' AND c.subject_id = p_tenant_id AND c.period_start = p_month;
    IF p_api_key_id IS NOT NULL THEN
        PERFORM lock_quota_counter(p_tenant_id, 'API_KEY', p_api_key_id, p_month);
        UPDATE quota_counters c SET used = c.used + p_more[1]
            WHERE c.subject = 'API_KEY' AND c.subject_id = p_api_key_id AND c.period_start = p_month;
    END IF;
    -- One that is not there is made from the ledger when it is needed, after this.
    UPDATE limit_counters c SET used = c.used + p_more[measure_place(q.measure)]
        FROM quota_limits q
        WHERE q.tenant_id = p_tenant_id AND c.limit_id = q.id AND q.span NOT IN ('MINUTE', 'NONE')
            AND counts_under(q, p_api_key_id, p_model_id, p_subscription_id, p_currency)
            AND c.window_start = window_start_of(q.span, p_month, p_day);
END
$$;
