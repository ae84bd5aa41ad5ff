-- Quotas by lease: a process takes units for about a second of traffic by one statement, and its predictions draw on
-- them in memory. A lease is a row, so what a dead process held is found again. `charged` of its `units` are in the
-- ledger already; a lease that is renewed, given back in part or ended carries them over to `used` of its counters:
--
--   counter.used + charged of its leases     = events in the ledger
--   counter.reserved - charged of its leases = held by running predictions, or idle in some process
--
-- So a charge changes one row that no other process writes, and waits for nobody.
--
-- Order of locks, the same everywhere: the tenant's counter -> the key's counter -> leases, by id. A charge locks
-- leases only.

-- What was reserved by prediction before becomes a lease that nobody knows: the sweep ends it when it expires.
ALTER TABLE reservations RENAME TO quota_leases;
ALTER TABLE quota_leases RENAME CONSTRAINT reservations_pkey TO quota_leases_pkey;
ALTER TABLE quota_leases DROP CONSTRAINT reservations_units;
-- Not indexed: it changes with every charge, and there are few leases.
DROP INDEX reservations_expires_at_idx;
ALTER TABLE quota_leases ADD COLUMN charged BIGINT NOT NULL DEFAULT 0;
-- May have units that nothing runs on. One that is not loose gives back at once what it does not need.
ALTER TABLE quota_leases ADD COLUMN is_loose BOOLEAN NOT NULL DEFAULT false;
-- Asked to give back what is idle, and has not answered yet.
ALTER TABLE quota_leases ADD COLUMN recalled_at TIMESTAMPTZ(3);
ALTER TABLE quota_leases ADD CONSTRAINT quota_leases_units CHECK (charged >= 0 AND charged <= units);
ALTER TABLE quota_leases SET (fillfactor = 50);
CREATE INDEX quota_leases_tenant_id_period_start_idx ON quota_leases(tenant_id, period_start);

GRANT UPDATE ON quota_leases TO souk_app;
DROP POLICY reservations_own ON quota_leases;
-- Across tenants: the sweep finds the dead, and an operator who changes a limit recalls the leases under it.
CREATE POLICY quota_leases_own ON quota_leases
    USING (tenant_id = app_tenant_id() OR app_across_tenants())
    WITH CHECK (tenant_id = app_tenant_id() OR app_across_tenants());

-- The tenant's share of the pool when it is busy: 1 is normal.
ALTER TABLE tenant_plans ADD COLUMN weight INTEGER NOT NULL DEFAULT 1;
ALTER TABLE tenant_plans ADD CONSTRAINT tenant_plans_weight CHECK (weight BETWEEN 1 AND 100);

DROP FUNCTION reserve_quota(TEXT, TEXT, TEXT, BIGINT, TIMESTAMPTZ, TIMESTAMPTZ, TIMESTAMPTZ);
DROP FUNCTION settle_quota(TEXT, JSONB);
DROP FUNCTION release_quota(TEXT, TEXT[]);
DROP FUNCTION move_quota(TEXT, JSONB, BOOLEAN);

-- Asks holders to give back what is idle: all of a tenant's in the period, or one key's. Answers whether there is
-- anybody to wait for: one that was asked a second ago and is still silent is dead or cut off, and will be swept.
-- The one place that takes the time from Postgres, which is the same for all processes; it decides about patience only.
CREATE FUNCTION recall_leases(p_tenant_id TEXT, p_api_key_id TEXT, p_except_id TEXT)
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

-- Takes units of the tenant's and, if given, the API key's allowance, of both alike: `p_asked` for predictions that
-- wait, or as many of them as are left (none if those are fewer than `p_least`, the smallest claim); beyond that up to `p_extra`, but at most an eighth of what is left then, so
-- that leases become small as the limit comes near. Extends the lease, or makes it when `p_is_new`.
-- `granted` is null when the lease that was to be extended is gone. `room`: left under the tightest limit after
-- this; null: unlimited. When fewer than asked were granted: by whose limit, and in `is_recalling` whether others were
-- asked to give back, so that it is worth while to ask again. Else it says that this lease is asked for.
-- Limits are read after the counter is locked: under READ COMMITTED each statement sees what is committed when it
-- begins, and whoever changes a limit locks the counter first.
CREATE FUNCTION lease_quota(
    p_lease_id TEXT, p_tenant_id TEXT, p_api_key_id TEXT, p_period_start TIMESTAMPTZ, p_is_new BOOLEAN,
    p_asked BIGINT, p_least BIGINT, p_extra BIGINT, p_expires_at TIMESTAMPTZ, p_now TIMESTAMPTZ
)
RETURNS TABLE (
    granted BIGINT, room BIGINT, weight INTEGER, is_loose BOOLEAN,
    subject TEXT, quota_limit BIGINT, used BIGINT, is_recalling BOOLEAN
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_tenant quota_counters;
    v_key quota_counters;
    v_tenant_limit BIGINT;
    v_key_limit BIGINT;
    v_weight INTEGER;
    v_lease quota_leases;
    v_left BIGINT;
    v_tenant_left BIGINT;
    v_key_left BIGINT;
    v_granted BIGINT;
    v_extra BIGINT;
    v_is_tenant BOOLEAN;
BEGIN
    -- A crash of Postgres may lose a lease, together with its part of `reserved`: the units come back and the
    -- predictions on it cannot settle. So nobody needs to wait for the disk here; the charge does wait.
    PERFORM set_config('synchronous_commit', 'off', true);

    v_tenant := lock_quota_counter(p_tenant_id, 'TENANT', p_tenant_id, p_period_start);
    SELECT p.predictions_per_month, p.weight INTO v_tenant_limit, v_weight
        FROM tenant_plans p WHERE p.tenant_id = p_tenant_id;
    v_tenant_left := v_tenant_limit - v_tenant.used - v_tenant.reserved;
    IF p_api_key_id IS NOT NULL THEN
        v_key := lock_quota_counter(p_tenant_id, 'API_KEY', p_api_key_id, p_period_start);
        SELECT k.predictions_per_month INTO STRICT v_key_limit FROM api_keys k
            WHERE k.id = p_api_key_id AND k.tenant_id = p_tenant_id;
        v_key_left := v_key_limit - v_key.used - v_key.reserved;
    END IF;
    -- `least` passes over nulls: an allowance without a limit does not bound what is left.
    v_left := least(v_tenant_left, v_key_left);
    IF v_left < 0 THEN
        v_left := 0;
    END IF;

    IF NOT p_is_new THEN
        SELECT * INTO v_lease FROM quota_leases l
            WHERE l.id = p_lease_id AND l.tenant_id = p_tenant_id FOR UPDATE;
        IF NOT FOUND THEN
            RETURN QUERY SELECT NULL::BIGINT, NULL::BIGINT, 1, false, NULL::TEXT, NULL::BIGINT, NULL::BIGINT, false;
            RETURN;
        END IF;
    END IF;

    v_granted := least(p_asked, v_left);
    IF v_granted < p_least THEN
        v_granted := 0;
    END IF;
    v_extra := CASE WHEN v_granted < p_asked THEN 0 ELSE least(p_extra, (v_left - v_granted) / 8) END;
    v_granted := v_granted + v_extra;

    -- What the lease has charged so far is carried over to the counters.
    IF v_granted > 0 OR v_lease.charged > 0 THEN
        UPDATE quota_counters c SET reserved = c.reserved + v_granted - coalesce(v_lease.charged, 0),
                used = c.used + coalesce(v_lease.charged, 0)
            WHERE c.subject = 'TENANT' AND c.subject_id = p_tenant_id AND c.period_start = p_period_start;
        UPDATE quota_counters c SET reserved = c.reserved + v_granted - coalesce(v_lease.charged, 0),
                used = c.used + coalesce(v_lease.charged, 0)
            WHERE c.subject = 'API_KEY' AND c.subject_id = p_api_key_id AND c.period_start = p_period_start;
    END IF;
    IF NOT p_is_new THEN
        -- What was loose stays so until its holder says otherwise: it may have idle units from before.
        UPDATE quota_leases l SET units = l.units - l.charged + v_granted, charged = 0,
                is_loose = l.is_loose OR v_extra > 0, expires_at = greatest(l.expires_at, p_expires_at)
            WHERE l.id = p_lease_id;
    ELSIF v_granted > 0 THEN
        INSERT INTO quota_leases (id, tenant_id, api_key_id, period_start, units, is_loose, expires_at, created_at)
            VALUES (p_lease_id, p_tenant_id, p_api_key_id, p_period_start, v_granted, v_extra > 0, p_expires_at, p_now);
    END IF;

    IF v_granted >= p_asked THEN
        RETURN QUERY SELECT v_granted, v_left - v_granted, coalesce(v_weight, 1), v_extra > 0,
            NULL::TEXT, NULL::BIGINT, NULL::BIGINT, v_lease.recalled_at IS NOT NULL;
        RETURN;
    END IF;
    v_is_tenant := v_key_left IS NULL OR coalesce(v_tenant_left <= v_key_left, false);
    RETURN QUERY SELECT v_granted, v_left - v_granted, coalesce(v_weight, 1), false,
        CASE WHEN v_is_tenant THEN 'TENANT' ELSE 'API_KEY' END,
        CASE WHEN v_is_tenant THEN v_tenant_limit ELSE v_key_limit END,
        coalesce(CASE WHEN v_is_tenant THEN v_tenant.used ELSE v_key.used END, 0) + (
            SELECT coalesce(sum(l.charged), 0)::BIGINT
                -- This lease's own are in `charged` of before: they were carried over after the counters were read.
                + CASE WHEN p_is_new THEN 0 ELSE coalesce(v_lease.charged, 0) END
            FROM quota_leases l
            WHERE l.tenant_id = p_tenant_id AND l.period_start = p_period_start AND l.id <> p_lease_id
                AND (v_is_tenant OR l.api_key_id = p_api_key_id)
        ),
        recall_leases(p_tenant_id, CASE WHEN v_is_tenant THEN NULL ELSE p_api_key_id END, p_lease_id);
END
$$;

-- Gives `p_units` idle units of a lease back, or, when null, ends the lease and gives back all that it did not
-- charge; what it did is carried over to `used`. `p_is_loose`: the lease may still have idle units.
-- Answers false when there is no such lease: it was ended or swept before.
CREATE FUNCTION return_quota(p_tenant_id TEXT, p_lease_id TEXT, p_units BIGINT, p_is_loose BOOLEAN)
RETURNS BOOLEAN LANGUAGE plpgsql AS $$
DECLARE
    v_lease quota_leases;
    v_back BIGINT;
BEGIN
    -- What a crash of Postgres loses of this is made up by the sweep.
    PERFORM set_config('synchronous_commit', 'off', true);
    SELECT * INTO v_lease FROM quota_leases l WHERE l.id = p_lease_id AND l.tenant_id = p_tenant_id;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM lock_quota_counter(p_tenant_id, 'TENANT', p_tenant_id, v_lease.period_start);
    IF v_lease.api_key_id IS NOT NULL THEN
        PERFORM lock_quota_counter(p_tenant_id, 'API_KEY', v_lease.api_key_id, v_lease.period_start);
    END IF;
    SELECT * INTO v_lease FROM quota_leases l WHERE l.id = p_lease_id AND l.tenant_id = p_tenant_id FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    v_back := coalesce(p_units, v_lease.units - v_lease.charged);
    IF p_units IS NULL THEN
        DELETE FROM quota_leases WHERE id = p_lease_id;
    ELSE
        UPDATE quota_leases l SET units = l.units - l.charged - v_back, charged = 0, is_loose = p_is_loose,
                recalled_at = CASE WHEN p_is_loose THEN l.recalled_at END
            WHERE l.id = p_lease_id;
    END IF;
    IF v_back > 0 OR v_lease.charged > 0 THEN
        UPDATE quota_counters c SET reserved = c.reserved - v_back - v_lease.charged, used = c.used + v_lease.charged
            WHERE c.subject = 'TENANT' AND c.subject_id = p_tenant_id AND c.period_start = v_lease.period_start;
        UPDATE quota_counters c SET reserved = c.reserved - v_back - v_lease.charged, used = c.used + v_lease.charged
            WHERE c.subject = 'API_KEY' AND c.subject_id = v_lease.api_key_id AND c.period_start = v_lease.period_start;
    END IF;
    RETURN true;
END
$$;

-- A changed limit counts from the next request: whoever changes it, by whatever statement, waits for those who are
-- taking units under the old one, and asks all holders for what is idle.
CREATE FUNCTION recall_on_limit_change() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    v_key TEXT := CASE WHEN TG_TABLE_NAME = 'api_keys' THEN to_jsonb(NEW) ->> 'id' END;
BEGIN
    PERFORM 1 FROM quota_counters c WHERE c.subject = 'TENANT' AND c.subject_id = NEW.tenant_id
        ORDER BY c.period_start FOR UPDATE;
    PERFORM recall_leases(NEW.tenant_id, v_key, NULL);
    RETURN NEW;
END
$$;
CREATE TRIGGER tenant_plans_recall AFTER INSERT OR UPDATE OF predictions_per_month, weight ON tenant_plans
    FOR EACH ROW EXECUTE FUNCTION recall_on_limit_change();
CREATE TRIGGER api_keys_recall AFTER UPDATE OF predictions_per_month ON api_keys
    FOR EACH ROW WHEN (OLD.predictions_per_month IS DISTINCT FROM NEW.predictions_per_month)
    EXECUTE FUNCTION recall_on_limit_change();
