-- Tells which percentages of its limits a correction upwards has passed, in its own transaction. Charges tell theirs when
-- they are carried over; what one tells the other does not. Under the tenant's lock, which the correction has taken.
CREATE FUNCTION raise_thresholds_of(p_tenant_id TEXT, p_event_id TEXT, p_period_start TIMESTAMPTZ, p_now TIMESTAMPTZ)
RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
    v_event usage_events;
    v_limit quota_limits;
    v_counter limit_counters;
BEGIN
    PERFORM lock_tenant_quota(p_tenant_id);
    SELECT e.* INTO STRICT v_event FROM usage_events e
        WHERE e.id = p_event_id AND e.period_start = p_period_start AND e.tenant_id = p_tenant_id;
    FOR v_limit IN
        SELECT q.* FROM quota_limits q
        WHERE q.tenant_id = p_tenant_id AND q.span NOT IN ('MINUTE', 'NONE')
            AND counts_under(q, v_event.api_key_id, v_event.model_id, v_event.subscription_id, v_event.currency)
        ORDER BY q.id
    LOOP
        v_counter := open_limit_counter(v_limit, window_start_of(v_limit.span, p_period_start,
            date_trunc('day', v_event.created_at, 'UTC')), p_now);
        PERFORM raise_thresholds(v_limit, v_counter.window_start,
            v_counter.used + (leased_under(v_limit, v_counter.window_start)).charged, p_now);
    END LOOP;
END
$$;
