-- Names that callers follow instead of a number. What an alias is and whatever it was: `aliases` holds the present,
-- `alias_moves` every change of it for ever, `alias_requests` what waits for a second person.

-- For the foreign keys below: an alias never points to a version of another model.
CREATE UNIQUE INDEX versions_id_model_id_key ON versions(id, model_id);

CREATE TABLE aliases (
    model_id TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    name TEXT NOT NULL,
    version_id TEXT NOT NULL,
    is_protected BOOLEAN NOT NULL DEFAULT false,
    -- That of the move that brought it where it is. Goes on when a deleted alias is made again.
    revision INTEGER NOT NULL,
    moved_at TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT aliases_pkey PRIMARY KEY (model_id, name),
    CONSTRAINT aliases_model_id_tenant_id_fkey FOREIGN KEY (model_id, tenant_id)
        REFERENCES models(id, tenant_id) ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT aliases_version_id_model_id_fkey FOREIGN KEY (version_id, model_id)
        REFERENCES versions(id, model_id) ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT aliases_name CHECK (
        name ~ '^[a-z][a-z0-9]*([-._][a-z0-9]+)*$' AND length(name) <= 60 AND name <> 'latest'
    )
);
CREATE INDEX aliases_version_id_idx ON aliases(version_id);

-- Append-only. `from` null: it was made; `to` null: it was deleted.
CREATE TABLE alias_moves (
    model_id TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    name TEXT NOT NULL,
    revision INTEGER NOT NULL,
    kind TEXT NOT NULL,
    from_version_id TEXT,
    to_version_id TEXT,
    reason TEXT NOT NULL,
    -- How the new signature compares with the old one; null where there are not two.
    verdict TEXT,
    differences JSONB NOT NULL,
    -- Whether whoever asked for it said that it may break callers.
    is_override BOOLEAN NOT NULL,
    user_id TEXT,
    api_key_id TEXT,
    request_id TEXT NOT NULL,
    -- The alias_request that it came from, and the people who said yes to it; the one who asked is among them.
    alias_request_id TEXT,
    approved_by TEXT[] NOT NULL DEFAULT '{}',
    -- By the database's clock, and never before the move that it follows.
    created_at TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT alias_moves_pkey PRIMARY KEY (model_id, name, revision),
    CONSTRAINT alias_moves_model_id_tenant_id_fkey FOREIGN KEY (model_id, tenant_id)
        REFERENCES models(id, tenant_id) ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT alias_moves_from_version_id_model_id_fkey FOREIGN KEY (from_version_id, model_id)
        REFERENCES versions(id, model_id) ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT alias_moves_to_version_id_model_id_fkey FOREIGN KEY (to_version_id, model_id)
        REFERENCES versions(id, model_id) ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT alias_moves_kind CHECK (CASE kind
        WHEN 'CREATED' THEN from_version_id IS NULL AND to_version_id IS NOT NULL
        WHEN 'DELETED' THEN from_version_id IS NOT NULL AND to_version_id IS NULL
        ELSE kind IN ('MOVED', 'ROLLED_BACK') AND from_version_id IS NOT NULL AND to_version_id IS NOT NULL
            AND from_version_id <> to_version_id AND verdict IS NOT NULL END),
    CONSTRAINT alias_moves_verdict CHECK (verdict IN ('COMPATIBLE', 'WIDENING', 'BREAKING')),
    -- No breaking move without somebody who said so.
    CONSTRAINT alias_moves_override CHECK (verdict IS DISTINCT FROM 'BREAKING' OR is_override),
    -- What came from a request had two different people behind it. (An array with a double is longer than its set.)
    CONSTRAINT alias_moves_approved CHECK (
        (alias_request_id IS NULL AND cardinality(approved_by) = 0)
        OR (alias_request_id IS NOT NULL AND cardinality(approved_by) = 2 AND approved_by[1] <> approved_by[2])
    )
);
CREATE INDEX alias_moves_model_id_created_at_name_revision_idx
    ON alias_moves(model_id, created_at DESC, name DESC, revision DESC);

-- What somebody wants of a protected alias. PENDING until two people said yes, one said no, or the alias moved.
CREATE TABLE alias_requests (
    id TEXT NOT NULL,
    model_id TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    name TEXT NOT NULL,
    action TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'PENDING',
    -- The alias as it was when this was asked for: it is about that and nothing later.
    revision INTEGER NOT NULL,
    from_version_id TEXT NOT NULL,
    to_version_id TEXT,
    reason TEXT NOT NULL,
    verdict TEXT,
    differences JSONB NOT NULL,
    is_override BOOLEAN NOT NULL,
    user_id TEXT,
    api_key_id TEXT,
    request_id TEXT NOT NULL,
    -- Users who said yes. A user who asks is the first; an API key is nobody.
    approved_by TEXT[] NOT NULL DEFAULT '{}',
    decided_by_user_id TEXT,
    decided_by_api_key_id TEXT,
    decision_reason TEXT,
    created_at TIMESTAMPTZ(3) NOT NULL,
    decided_at TIMESTAMPTZ(3),

    CONSTRAINT alias_requests_pkey PRIMARY KEY (id),
    CONSTRAINT alias_requests_model_id_tenant_id_fkey FOREIGN KEY (model_id, tenant_id)
        REFERENCES models(id, tenant_id) ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT alias_requests_from_version_id_model_id_fkey FOREIGN KEY (from_version_id, model_id)
        REFERENCES versions(id, model_id) ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT alias_requests_to_version_id_model_id_fkey FOREIGN KEY (to_version_id, model_id)
        REFERENCES versions(id, model_id) ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT alias_requests_action CHECK (CASE action
        WHEN 'MOVE' THEN to_version_id IS NOT NULL
        WHEN 'ROLLBACK' THEN to_version_id IS NOT NULL
        ELSE action IN ('DELETE', 'UNPROTECT') AND to_version_id IS NULL END),
    CONSTRAINT alias_requests_status CHECK (status IN ('PENDING', 'APPROVED', 'REJECTED', 'LAPSED')),
    CONSTRAINT alias_requests_decided CHECK ((status = 'PENDING') = (decided_at IS NULL)),
    CONSTRAINT alias_requests_override CHECK (verdict IS DISTINCT FROM 'BREAKING' OR is_override),
    CONSTRAINT alias_requests_approved CHECK (
        status <> 'APPROVED' OR (cardinality(approved_by) = 2 AND approved_by[1] <> approved_by[2])
    )
);
CREATE INDEX alias_requests_pending ON alias_requests(model_id, name) WHERE status = 'PENDING';

DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['aliases', 'alias_moves', 'alias_requests'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    END LOOP;
END
$$;

GRANT SELECT, INSERT, UPDATE, DELETE ON aliases TO souk_app;
GRANT SELECT, INSERT ON alias_moves TO souk_app;
GRANT SELECT, INSERT, UPDATE (status, approved_by, decided_by_user_id, decided_by_api_key_id, decision_reason, decided_at)
    ON alias_requests TO souk_app;

-- As versions: seen by whoever sees the model, because the inner query is under the policies of models. Written by the owner.
CREATE POLICY aliases_read ON aliases FOR SELECT
    USING (app_across_tenants() OR EXISTS (SELECT 1 FROM models m WHERE m.id = aliases.model_id));
CREATE POLICY aliases_write ON aliases
    USING (tenant_id = app_tenant_id()) WITH CHECK (tenant_id = app_tenant_id());
CREATE POLICY alias_moves_read ON alias_moves FOR SELECT
    USING (app_across_tenants() OR EXISTS (SELECT 1 FROM models m WHERE m.id = alias_moves.model_id));
CREATE POLICY alias_moves_create ON alias_moves FOR INSERT WITH CHECK (tenant_id = app_tenant_id());
-- Who wants what next is the owner's business.
CREATE POLICY alias_requests_own ON alias_requests
    USING (tenant_id = app_tenant_id()) WITH CHECK (tenant_id = app_tenant_id());

-- Which version runs is remembered (see `access_changes`): a move counts from its reply on, here and elsewhere. Also a new
-- alias: whoever asks for it after the reply must not share a reading that began before.
CREATE TRIGGER announce AFTER INSERT OR DELETE OR UPDATE OF version_id ON aliases
    FOR EACH STATEMENT EXECUTE FUNCTION announce_access_change();

-- The ledger says by which alias a version was asked for.
ALTER TABLE usage_events ADD COLUMN alias TEXT;

-- Who uses an alias, for its owner: each caller with its last use is one step in this index, and its uses are counted in
-- the index alone. (The columns behind INCLUDE are what the statement and the policies read besides. CASE and not coalesce,
-- because only what cannot leak is looked for in an index under row-level security.)
CREATE INDEX usage_events_by_alias ON usage_events(
        model_id, alias, tenant_id, (CASE WHEN api_key_id IS NULL THEN '' ELSE api_key_id END), created_at
    ) INCLUDE (api_key_id, owner_tenant_id) WHERE alias IS NOT NULL;

-- Opens the ledger's rows of other tenants to the owner of what was run, and only to a transaction that says twice whose
-- business it is. Without `across` a tenant's ledger stays its own.
CREATE POLICY usage_events_of_owner ON usage_events FOR SELECT
    USING (app_across_tenants() AND owner_tenant_id = app_tenant_id());
