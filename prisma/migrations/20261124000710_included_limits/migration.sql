-- Limits that a plan includes: in force for as long as a subscription to it is, and only then.
ALTER TABLE plans ADD COLUMN included_limits JSONB NOT NULL DEFAULT '[]'
    CONSTRAINT plans_included_limits CHECK (jsonb_typeof(included_limits) = 'array');

-- Begun and ended in the transaction of the subscription, by whatever statement. The trigger on `quota_limits` then takes
-- the tenant's lock and recalls leases, so that they count from the next prediction on. Each time they are new limits:
-- their counters begin with what the month, day or lifetime of the subscription has in the ledger.
CREATE FUNCTION subscription_to_limits() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM quota_limits q
        WHERE q.tenant_id = NEW.tenant_id AND q.subject = 'SUBSCRIPTION' AND q.subject_id = NEW.id;
    IF NEW.cancelled_at IS NULL THEN
        -- An id begins with a time, that of the subscription.
        INSERT INTO quota_limits (id, tenant_id, subject, subject_id, measure, span, currency, amount, enforcement)
            SELECT 'lim_' || substr(NEW.id, 5, 10) || left(replace(gen_random_uuid()::text, '-', ''), 16), NEW.tenant_id,
                'SUBSCRIPTION', NEW.id, l.measure, l."window",
                CASE l.measure WHEN 'COST' THEN p.currency END, l.amount, l.enforcement
            FROM plans p CROSS JOIN LATERAL jsonb_to_recordset(p.included_limits)
                AS l(measure TEXT, "window" TEXT, amount BIGINT, enforcement TEXT)
            WHERE p.id = NEW.plan_id;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER subscriptions_limits AFTER INSERT OR UPDATE OF cancelled_at ON subscriptions
    FOR EACH ROW EXECUTE FUNCTION subscription_to_limits();
