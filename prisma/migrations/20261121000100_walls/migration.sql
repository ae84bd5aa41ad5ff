-- The second wall between tenants. The services check every access; here Postgres checks it again, so
-- that a forgotten `where` returns nothing instead of a neighbour's row.
--
-- The server connects as the owner of the tables but acts as `souk_app`, which owns nothing and cannot
-- bypass row-level security. Each transaction first says for whom it acts:
--   app.tenant_id       the tenant; rows of others do not exist then
--   app.user_id         the signed-in user, for what belongs to a person and not to a tenant
--   app.proof           something presented: the hash of a secret, or a sign-in address. Whoever presents
--                       it may see the row that it opens, and no other
--   app.across_tenants  'on' in the few named jobs that serve all tenants

DO $$
BEGIN
    CREATE ROLE souk_app NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
EXCEPTION
    -- Roles belong to the whole cluster: another database of Souk may have made it already, even just now.
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'souk_app', 'MEMBER') OR NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        EXECUTE format('GRANT souk_app TO %I', current_user);
    END IF;
END
$$;

GRANT USAGE ON SCHEMA public TO souk_app;

CREATE FUNCTION app_tenant_id() RETURNS TEXT LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.tenant_id', true), '');
CREATE FUNCTION app_user_id() RETURNS TEXT LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.user_id', true), '');
CREATE FUNCTION app_proof() RETURNS TEXT LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.proof', true), '');
CREATE FUNCTION app_across_tenants() RETURNS BOOLEAN LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(current_setting('app.across_tenants', true), '') = 'on';

DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'tenants', 'tenant_plans', 'users', 'user_passwords', 'memberships', 'invitations', 'sessions',
        'refresh_tokens', 'api_keys', 'audit_events', 'models', 'artifacts', 'uploads', 'publications',
        'versions', 'grants', 'quota_counters', 'reservations', 'usage_events', 'idempotency_records'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        -- The owner too: a query that runs before the role is taken must not see more.
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    END LOOP;
END
$$;

-- What the application may do at all. No UPDATE or DELETE on what is immutable or append-only.
GRANT SELECT, INSERT ON versions, usage_events, audit_events TO souk_app;
GRANT SELECT, INSERT, UPDATE ON
    tenant_plans, users, user_passwords, memberships, invitations, sessions, refresh_tokens,
    api_keys, models, publications, grants, quota_counters, idempotency_records TO souk_app;
-- A tenant's slug is half of each model's name, and its operator flag is power over others: neither ever changes.
GRANT SELECT, INSERT, UPDATE (name) ON tenants TO souk_app;
GRANT DELETE ON memberships, refresh_tokens, idempotency_records TO souk_app;
GRANT SELECT, INSERT, DELETE ON artifacts, uploads, reservations TO souk_app;

-- Slug and name of a tenant are public to whoever is signed in: they are half of each model's name.
CREATE POLICY tenants_read ON tenants FOR SELECT
    USING (app_tenant_id() IS NOT NULL OR app_user_id() IS NOT NULL OR app_proof() IS NOT NULL OR app_across_tenants());
CREATE POLICY tenants_create ON tenants FOR INSERT
    WITH CHECK ((id = app_tenant_id() AND NOT is_operator) OR app_across_tenants());
CREATE POLICY tenants_change ON tenants FOR UPDATE
    USING (id = app_tenant_id()) WITH CHECK (id = app_tenant_id());

CREATE POLICY tenant_plans_own ON tenant_plans
    USING (tenant_id = app_tenant_id() OR app_across_tenants())
    WITH CHECK (tenant_id = app_tenant_id() OR app_across_tenants());

CREATE POLICY memberships_read ON memberships FOR SELECT
    USING (tenant_id = app_tenant_id() OR user_id = app_user_id() OR app_across_tenants());
CREATE POLICY memberships_write ON memberships
    USING (tenant_id = app_tenant_id())
    WITH CHECK (tenant_id = app_tenant_id());

-- Oneself, whoever presents the address, and co-members.
CREATE POLICY users_read ON users FOR SELECT
    USING (
        id = app_user_id()
        OR email = app_proof()
        OR EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = users.id AND m.tenant_id = app_tenant_id())
    );
CREATE POLICY users_create ON users FOR INSERT WITH CHECK (id = app_user_id());
CREATE POLICY users_change ON users FOR UPDATE USING (id = app_user_id()) WITH CHECK (id = app_user_id());

CREATE POLICY user_passwords_own ON user_passwords
    USING (user_id = app_user_id()) WITH CHECK (user_id = app_user_id());

CREATE POLICY sessions_own ON sessions USING (user_id = app_user_id()) WITH CHECK (user_id = app_user_id());

CREATE POLICY refresh_tokens_read ON refresh_tokens FOR SELECT
    USING (user_id = app_user_id() OR token_hash = app_proof());
CREATE POLICY refresh_tokens_write ON refresh_tokens
    USING (user_id = app_user_id()) WITH CHECK (user_id = app_user_id());

CREATE POLICY invitations_read ON invitations FOR SELECT
    USING (tenant_id = app_tenant_id() OR token_hash = app_proof());
CREATE POLICY invitations_write ON invitations
    USING (tenant_id = app_tenant_id()) WITH CHECK (tenant_id = app_tenant_id());

CREATE POLICY api_keys_read ON api_keys FOR SELECT
    USING (tenant_id = app_tenant_id() OR secret_hash = app_proof());
CREATE POLICY api_keys_write ON api_keys
    USING (tenant_id = app_tenant_id()) WITH CHECK (tenant_id = app_tenant_id());

CREATE POLICY audit_events_own ON audit_events
    USING (tenant_id = app_tenant_id()) WITH CHECK (tenant_id = app_tenant_id() OR app_across_tenants());

-- The owner and the grantee both see a grant; only the owner makes or ends it. That it is the model's owner is
-- kept by the foreign key on (model_id, tenant_id), because a policy that looks at models would recurse:
-- otherwise a grant on a neighbour's model to oneself would open that model.
CREATE POLICY grants_read ON grants FOR SELECT
    USING (tenant_id = app_tenant_id() OR grantee_tenant_id = app_tenant_id());
CREATE POLICY grants_write ON grants
    USING (tenant_id = app_tenant_id()) WITH CHECK (tenant_id = app_tenant_id());

CREATE POLICY models_read ON models FOR SELECT
    USING (
        tenant_id = app_tenant_id()
        OR (app_tenant_id() IS NOT NULL AND visibility IN ('PUBLIC', 'UNLISTED'))
        OR EXISTS (
            SELECT 1 FROM grants g
            WHERE g.model_id = models.id AND g.tenant_id = models.tenant_id AND g.grantee_tenant_id = app_tenant_id()
                AND g.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > now())
        )
        OR app_across_tenants()
    );
CREATE POLICY models_write ON models
    USING (tenant_id = app_tenant_id()) WITH CHECK (tenant_id = app_tenant_id());

-- A version is seen by whoever sees its model: the inner query is under the policies of models.
CREATE POLICY versions_read ON versions FOR SELECT
    USING (app_across_tenants() OR EXISTS (SELECT 1 FROM models m WHERE m.id = versions.model_id));
-- The foreign key on (model_id, tenant_id) keeps it to models of one's own.
CREATE POLICY versions_create ON versions FOR INSERT WITH CHECK (tenant_id = app_tenant_id());

-- Bytes and their digest, without name or owner. Nobody lists them; a digest is learnt from a version.
CREATE POLICY artifacts_any ON artifacts
    USING (app_tenant_id() IS NOT NULL OR app_across_tenants())
    WITH CHECK (app_tenant_id() IS NOT NULL OR app_across_tenants());

CREATE POLICY uploads_own ON uploads
    USING (tenant_id = app_tenant_id() OR app_across_tenants())
    WITH CHECK (tenant_id = app_tenant_id());

CREATE POLICY publications_own ON publications
    USING (tenant_id = app_tenant_id() OR app_across_tenants())
    WITH CHECK (tenant_id = app_tenant_id() OR app_across_tenants());

CREATE POLICY quota_counters_own ON quota_counters
    USING (tenant_id = app_tenant_id() OR app_across_tenants())
    WITH CHECK (tenant_id = app_tenant_id() OR app_across_tenants());

CREATE POLICY reservations_own ON reservations
    USING (tenant_id = app_tenant_id() OR app_across_tenants())
    WITH CHECK (tenant_id = app_tenant_id());

CREATE POLICY usage_events_own ON usage_events
    USING (tenant_id = app_tenant_id()) WITH CHECK (tenant_id = app_tenant_id());

CREATE POLICY idempotency_records_own ON idempotency_records
    USING (tenant_id = app_tenant_id()) WITH CHECK (tenant_id = app_tenant_id());

-- What must hold whatever the code does.
ALTER TABLE tenants ADD CONSTRAINT tenants_slug_shape CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(slug) BETWEEN 3 AND 40);
CREATE UNIQUE INDEX tenants_one_operator ON tenants (is_operator) WHERE is_operator;
ALTER TABLE tenant_plans ADD CONSTRAINT tenant_plans_limit CHECK (predictions_per_month >= 0);
ALTER TABLE memberships ADD CONSTRAINT memberships_role CHECK (role IN ('OWNER', 'ADMIN', 'DEVELOPER', 'VIEWER'));
ALTER TABLE invitations ADD CONSTRAINT invitations_role CHECK (role IN ('OWNER', 'ADMIN', 'DEVELOPER', 'VIEWER'));
ALTER TABLE api_keys ADD CONSTRAINT api_keys_limit CHECK (predictions_per_month >= 0);
ALTER TABLE models ADD CONSTRAINT models_visibility CHECK (visibility IN ('PRIVATE', 'UNLISTED', 'PUBLIC'));
ALTER TABLE models ADD CONSTRAINT models_public_access CHECK (public_access IN ('VIEW', 'PREDICT', 'DOWNLOAD'));
ALTER TABLE publications ADD CONSTRAINT publications_status CHECK (status IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'REFUSED'));
ALTER TABLE versions ADD CONSTRAINT versions_number CHECK (number >= 1);
ALTER TABLE grants ADD CONSTRAINT grants_rights CHECK (rights <@ ARRAY['VIEW', 'PREDICT', 'DOWNLOAD'] AND cardinality(rights) > 0);
ALTER TABLE quota_counters ADD CONSTRAINT quota_counters_subject CHECK (subject IN ('TENANT', 'API_KEY'));
ALTER TABLE quota_counters ADD CONSTRAINT quota_counters_not_negative CHECK (used >= 0 AND reserved >= 0);
ALTER TABLE reservations ADD CONSTRAINT reservations_units CHECK (units > 0);
ALTER TABLE usage_events ADD CONSTRAINT usage_events_units CHECK (units > 0 AND rows >= 0);

-- At most one grant in force for a model and a tenant.
CREATE UNIQUE INDEX grants_one_in_force ON grants (model_id, grantee_tenant_id) WHERE revoked_at IS NULL;
CREATE INDEX models_search ON models USING gin (search_vector);
CREATE INDEX models_tags ON models USING gin (tags);
