-- What the ledger and the limits owe each other, now that both are there.

-- A correction counts under every limit under which its prediction would count now, in the windows of its own moment. A
-- counter that is not there is made from the ledger when it is needed. Rates and places are of what runs: they forget.
CREATE OR REPLACE FUNCTION count_correction(
    p_tenant_id TEXT, p_api_key_id TEXT, p_model_id TEXT, p_subscription_id TEXT, p_currency TEXT, p_amounts BIGINT[],
    p_now TIMESTAMPTZ
)
RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
    v_month TIMESTAMPTZ := date_trunc('month', p_now, 'UTC');
    v_limit quota_limits;
    v_counter limit_counters;
    v_amount BIGINT;
BEGIN
    PERFORM lock_tenant_quota(p_tenant_id);
    INSERT INTO quota_counters AS c (tenant_id, subject, subject_id, period_start, used)
        SELECT p_tenant_id, s.subject, s.subject_id, v_month, p_amounts[1]
        FROM (VALUES ('TENANT', p_tenant_id), ('API_KEY', p_api_key_id)) s(subject, subject_id)
        WHERE s.subject_id IS NOT NULL
        ON CONFLICT (subject, subject_id, period_start) DO UPDATE SET used = c.used + excluded.used;
    FOR v_limit IN
        SELECT q.* FROM quota_limits q
        WHERE q.tenant_id = p_tenant_id AND q.span IN ('DAY', 'MONTH', 'LIFETIME')
            AND counts_under(q, p_api_key_id, p_model_id, p_subscription_id, p_currency)
    LOOP
        v_amount := p_amounts[measure_place(v_limit.measure)];
        CONTINUE WHEN v_amount = 0;
        UPDATE limit_counters c SET used = c.used + v_amount
            WHERE c.limit_id = v_limit.id
                AND c.window_start = window_start_of(v_limit.span, v_month, date_trunc('day', p_now, 'UTC'))
            RETURNING * INTO v_counter;
        IF FOUND AND v_amount > 0 THEN
            PERFORM raise_thresholds(v_limit, v_counter.window_start, v_counter.used, p_now);
        END IF;
    END LOOP;
END
$$;

-- What the ledger has in the window of a limit: from its sums, which are there also of months whose events were dropped,
-- and quickly for a LIFETIME. The windows are whole days.
CREATE OR REPLACE FUNCTION charged_under(p_limit quota_limits, p_window_start TIMESTAMPTZ)
RETURNS BIGINT LANGUAGE sql STABLE AS $$
    WITH bounds AS (
        SELECT CASE p_limit.span
            WHEN 'DAY' THEN p_window_start + INTERVAL '1 day'
            WHEN 'MONTH' THEN (p_window_start AT TIME ZONE 'UTC' + INTERVAL '1 month') AT TIME ZONE 'UTC'
            ELSE 'infinity' END AS window_end
    ), sums AS (
        SELECT s.api_key_id, s.subscription_id, s.model_id, s.currency, u.predictions, u.rows, u.bytes, u.compute_us, u.cost_micros
        FROM bounds b, usage_series s JOIN usage_days u ON u.series_id = s.id
        WHERE s.tenant_id = p_limit.tenant_id AND u.tenant_id = p_limit.tenant_id
            AND u.period_start >= p_window_start AND u.period_start < b.window_end
        UNION ALL
        SELECT d.api_key_id, d.subscription_id, d.model_id, d.currency, d.predictions, d.rows, d.bytes, d.compute_us, d.cost_micros
        FROM bounds b, usage_deltas d
        WHERE d.tenant_id = p_limit.tenant_id AND d.hour >= p_window_start AND d.hour < b.window_end
    )
    SELECT coalesce(sum(CASE p_limit.measure WHEN 'PREDICTIONS' THEN x.predictions WHEN 'ROWS' THEN x.rows
            WHEN 'BYTES' THEN x.bytes WHEN 'COMPUTE_MS' THEN x.compute_us WHEN 'COST' THEN x.cost_micros ELSE 0 END), 0)::bigint
    FROM sums x
    WHERE counts_under(p_limit, x.api_key_id, x.model_id, x.subscription_id, x.currency)
$$;
