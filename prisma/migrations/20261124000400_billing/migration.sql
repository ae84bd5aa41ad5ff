-- What a model's owner asks for it, who took it on which terms, and what was billed for a month.
--   plans               immutable terms; withdrawn is the only change
--   subscriptions       a tenant and a plan, once for each pair: who comes back goes on counting where it was
--   statement_closings  the months of a tenant that are closed: no prediction is charged to them any more
--   statements, lines   what a closing found, frozen
--   billed_corrections  corrections that a closed statement holds: each is billed once
CREATE TABLE "plans" (
    "id" TEXT NOT NULL,
    "tenant_id" TEXT NOT NULL,
    "model_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "currency" TEXT NOT NULL,
    "price_per_thousand_micros" BIGINT NOT NULL,
    "price_per_compute_second_micros" BIGINT NOT NULL,
    "free_predictions_per_month" BIGINT NOT NULL,
    "tiers" JSONB NOT NULL DEFAULT '[]',
    "created_by" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "withdrawn_at" TIMESTAMPTZ(3),

    CONSTRAINT "plans_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "subscriptions" (
    "id" TEXT NOT NULL,
    "tenant_id" TEXT NOT NULL,
    "plan_id" TEXT NOT NULL,
    "model_id" TEXT NOT NULL,
    "owner_tenant_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "subscribed_by" TEXT,
    "subscribed_at" TIMESTAMPTZ(3) NOT NULL,
    "cancelled_at" TIMESTAMPTZ(3),

    CONSTRAINT "subscriptions_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "statement_closings" (
    "tenant_id" TEXT NOT NULL,
    "period_start" TIMESTAMPTZ(3) NOT NULL,
    "closed_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "statement_closings_pkey" PRIMARY KEY ("tenant_id", "period_start")
);

CREATE TABLE "statements" (
    "id" TEXT NOT NULL,
    "tenant_id" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "period_start" TIMESTAMPTZ(3) NOT NULL,
    "currency" TEXT NOT NULL,
    "amount_micros" BIGINT NOT NULL,
    "closed_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "statements_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "statement_lines" (
    "statement_id" TEXT NOT NULL,
    "position" INTEGER NOT NULL,
    "tenant_id" TEXT NOT NULL,
    "owner_tenant_id" TEXT NOT NULL,
    "period_start" TIMESTAMPTZ(3) NOT NULL,
    "currency" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "for_period_start" TIMESTAMPTZ(3) NOT NULL,
    "subscription_id" TEXT NOT NULL,
    "plan_id" TEXT,
    "plan_name" TEXT,
    "model_id" TEXT NOT NULL,
    "model_name" TEXT NOT NULL,
    "predictions" BIGINT NOT NULL,
    "free_predictions" BIGINT NOT NULL,
    "rows" BIGINT NOT NULL,
    "compute_us" BIGINT NOT NULL,
    "amount_micros" BIGINT NOT NULL,

    CONSTRAINT "statement_lines_pkey" PRIMARY KEY ("statement_id", "position")
);

CREATE TABLE "billed_corrections" (
    "event_id" TEXT NOT NULL,
    "tenant_id" TEXT NOT NULL,
    "owner_tenant_id" TEXT NOT NULL,
    "statement_id" TEXT NOT NULL,

    CONSTRAINT "billed_corrections_pkey" PRIMARY KEY ("event_id")
);

CREATE UNIQUE INDEX "plans_id_model_id_tenant_id_key" ON "plans"("id", "model_id", "tenant_id");
CREATE INDEX "plans_model_id_tenant_id_idx" ON "plans"("model_id", "tenant_id");
CREATE UNIQUE INDEX "subscriptions_tenant_id_plan_id_key" ON "subscriptions"("tenant_id", "plan_id");
CREATE INDEX "subscriptions_tenant_id_model_id_idx" ON "subscriptions"("tenant_id", "model_id");
CREATE INDEX "subscriptions_model_id_idx" ON "subscriptions"("model_id");
CREATE INDEX "subscriptions_plan_id_idx" ON "subscriptions"("plan_id");
CREATE UNIQUE INDEX "statements_id_tenant_id_key" ON "statements"("id", "tenant_id");
CREATE UNIQUE INDEX "statements_tenant_id_number_key" ON "statements"("tenant_id", "number");
CREATE UNIQUE INDEX "statements_tenant_id_period_start_currency_key" ON "statements"("tenant_id", "period_start", "currency");
CREATE INDEX "statement_lines_owner_tenant_id_period_start_idx" ON "statement_lines"("owner_tenant_id", "period_start");
CREATE INDEX "billed_corrections_statement_id_idx" ON "billed_corrections"("statement_id");

-- With the tenant: a plan cannot be put on a neighbour's model, nor a line under a neighbour's statement; and a
-- subscription names the plan's own model and owner.
ALTER TABLE "plans" ADD CONSTRAINT "plans_model_id_tenant_id_fkey" FOREIGN KEY ("model_id", "tenant_id") REFERENCES "models"("id", "tenant_id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "subscriptions" ADD CONSTRAINT "subscriptions_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "subscriptions" ADD CONSTRAINT "subscriptions_plan_id_model_id_owner_tenant_id_fkey" FOREIGN KEY ("plan_id", "model_id", "owner_tenant_id") REFERENCES "plans"("id", "model_id", "tenant_id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "statement_lines" ADD CONSTRAINT "statement_lines_statement_id_tenant_id_fkey" FOREIGN KEY ("statement_id", "tenant_id") REFERENCES "statements"("id", "tenant_id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "billed_corrections" ADD CONSTRAINT "billed_corrections_statement_id_tenant_id_fkey" FOREIGN KEY ("statement_id", "tenant_id") REFERENCES "statements"("id", "tenant_id") ON DELETE RESTRICT ON UPDATE CASCADE;

ALTER TABLE plans ADD CONSTRAINT plans_currency CHECK (currency ~ '^[A-Z]{3}$');
-- Divisible: one prediction then costs whole micros, and a sum of predictions is never rounded.
ALTER TABLE plans ADD CONSTRAINT plans_prices CHECK (
    price_per_thousand_micros >= 0 AND price_per_thousand_micros % 1000 = 0
    AND price_per_compute_second_micros >= 0 AND free_predictions_per_month >= 0 AND jsonb_typeof(tiers) = 'array'
);
ALTER TABLE subscriptions ADD CONSTRAINT subscriptions_of_others CHECK (tenant_id <> owner_tenant_id);
ALTER TABLE statement_lines ADD CONSTRAINT statement_lines_kind CHECK (kind IN ('PREDICTIONS', 'CORRECTIONS'));

CREATE UNIQUE INDEX plans_offered_name ON plans (model_id, name) WHERE withdrawn_at IS NULL;
-- At most one in force for a tenant and a model: there is one price.
CREATE UNIQUE INDEX subscriptions_one_in_force ON subscriptions (tenant_id, model_id) WHERE cancelled_at IS NULL;
-- Few among many: a closing looks for those that no statement holds yet.
CREATE INDEX usage_events_corrections ON usage_events (tenant_id, period_start) WHERE kind <> 'PREDICTION';
-- What others ran on a publisher's models against payment.
CREATE INDEX usage_events_sold ON usage_events (owner_tenant_id, period_start) WHERE subscription_id IS NOT NULL;

DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'plans', 'subscriptions', 'statement_closings', 'statements', 'statement_lines', 'billed_corrections'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    END LOOP;
END
$$;

GRANT SELECT, INSERT ON plans, subscriptions, statement_closings, statements, statement_lines, billed_corrections TO souk_app;
GRANT UPDATE (withdrawn_at) ON plans TO souk_app;
GRANT UPDATE (subscribed_by, subscribed_at, cancelled_at) ON subscriptions TO souk_app;

-- A plan is seen by whoever sees its model, and by whoever took it, for as long as they have its statements.
CREATE POLICY plans_read ON plans FOR SELECT
    USING (
        tenant_id = app_tenant_id()
        OR EXISTS (SELECT 1 FROM models m WHERE m.id = plans.model_id)
        OR EXISTS (SELECT 1 FROM subscriptions s WHERE s.plan_id = plans.id AND s.tenant_id = app_tenant_id())
    );
CREATE POLICY plans_write ON plans
    USING (tenant_id = app_tenant_id()) WITH CHECK (tenant_id = app_tenant_id());

-- The subscriber and the owner of the model both see it; only the subscriber makes or ends it. Across tenants: a closing
-- finds out whose months are to be closed.
CREATE POLICY subscriptions_read ON subscriptions FOR SELECT
    USING (tenant_id = app_tenant_id() OR owner_tenant_id = app_tenant_id() OR app_across_tenants());
CREATE POLICY subscriptions_write ON subscriptions
    USING (tenant_id = app_tenant_id()) WITH CHECK (tenant_id = app_tenant_id());

CREATE POLICY statement_closings_read ON statement_closings FOR SELECT
    USING (tenant_id = app_tenant_id() OR app_across_tenants());
CREATE POLICY statement_closings_write ON statement_closings FOR INSERT WITH CHECK (tenant_id = app_tenant_id());
CREATE POLICY statements_own ON statements
    USING (tenant_id = app_tenant_id()) WITH CHECK (tenant_id = app_tenant_id());
-- Its owner earns what a line says.
CREATE POLICY statement_lines_read ON statement_lines FOR SELECT
    USING (tenant_id = app_tenant_id() OR (app_across_tenants() AND owner_tenant_id = app_tenant_id()));
CREATE POLICY statement_lines_write ON statement_lines FOR INSERT WITH CHECK (tenant_id = app_tenant_id());
CREATE POLICY billed_corrections_read ON billed_corrections FOR SELECT
    USING (tenant_id = app_tenant_id() OR (app_across_tenants() AND owner_tenant_id = app_tenant_id()));
CREATE POLICY billed_corrections_write ON billed_corrections FOR INSERT WITH CHECK (tenant_id = app_tenant_id());

-- Frozen is frozen, for the owner of the tables too.
CREATE FUNCTION refuse_change_of_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'A closed statement cannot be changed: % on % was refused.', TG_OP, TG_TABLE_NAME;
END
$$;
DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['statement_closings', 'statements', 'statement_lines', 'billed_corrections'] LOOP
        EXECUTE format('CREATE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON %I
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_closed()', name);
    END LOOP;
END
$$;

-- Nothing is charged to a closed month: a charge needs a lease, and no lease is made in one. A closing takes the same lock
-- alone and then looks for leases: so either it sees this one, or this one sees the closing.
CREATE FUNCTION refuse_lease_in_closed_month() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('statements ' || NEW.tenant_id, 0));
    IF EXISTS (
        SELECT 1 FROM statement_closings c WHERE c.tenant_id = NEW.tenant_id AND c.period_start = NEW.period_start
    ) THEN
        RAISE EXCEPTION 'The statements of the month from % are closed, so nothing is charged to it any more; the clock of this server is behind.',
            NEW.period_start;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER open_month BEFORE INSERT ON quota_leases
    FOR EACH ROW EXECUTE FUNCTION refuse_lease_in_closed_month();

-- Both decide what a prediction costs, and whether it may run.
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON plans
    FOR EACH STATEMENT EXECUTE FUNCTION announce_access_change();
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON subscriptions
    FOR EACH STATEMENT EXECUTE FUNCTION announce_access_change();
