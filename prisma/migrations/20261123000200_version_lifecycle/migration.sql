-- What a publisher says about a version, given once when it is published: what it was made from, and its figures.
--   derived_from  another version that the publisher could see, of any tenant; it is shown to whoever may see it too
--   metrics       [{"name": …, "value": …}], sorted by name
-- The foreign key looks past row-level security: whether the publisher may see it is asked by the service.
ALTER TABLE versions
    ADD COLUMN derived_from TEXT REFERENCES versions (id) ON DELETE RESTRICT ON UPDATE CASCADE,
    ADD COLUMN metrics JSONB NOT NULL DEFAULT '[]';
CREATE INDEX versions_derived_from_idx ON versions (derived_from);

-- The same on the way, and what the import has found out, also when it was refused.
ALTER TABLE publications
    ADD COLUMN derived_from TEXT,
    ADD COLUMN metrics JSONB NOT NULL DEFAULT '[]',
    ADD COLUMN report JSONB;
CREATE INDEX publications_version_id_idx ON publications (version_id);

-- The application's role could never change a version. Now nobody can, not even the owner of the tables by mistake: a
-- migration that must, says so by disabling this trigger.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Rows of % never change.', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER never_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON versions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A yank takes a version out of service without taking it away. Rows are kept after they ended, for the record.
--   pinned_callers  KEEP: who names the version goes on running it; REFUSE: nobody runs it
CREATE TABLE version_yanks (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    model_id TEXT NOT NULL,
    version_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    pinned_callers TEXT NOT NULL,
    yanked_by TEXT,
    yanked_at TIMESTAMPTZ(3) NOT NULL,
    ended_by TEXT,
    ended_at TIMESTAMPTZ(3),
    CONSTRAINT version_yanks_pinned_callers CHECK (pinned_callers IN ('KEEP', 'REFUSE')),
    CONSTRAINT version_yanks_reason CHECK (length(reason) BETWEEN 1 AND 1000)
);
CREATE UNIQUE INDEX versions_id_model_id_tenant_id_key ON versions (id, model_id, tenant_id);
-- The version, its model and its tenant belong together, so that nobody yanks a neighbour's version.
ALTER TABLE version_yanks ADD CONSTRAINT version_yanks_version_id_model_id_tenant_id_fkey
    FOREIGN KEY (version_id, model_id, tenant_id) REFERENCES versions (id, model_id, tenant_id)
    ON DELETE RESTRICT ON UPDATE CASCADE;
CREATE UNIQUE INDEX version_yanks_one_in_force ON version_yanks (version_id) WHERE ended_at IS NULL;
CREATE INDEX version_yanks_version_id_idx ON version_yanks (version_id);

ALTER TABLE version_yanks ENABLE ROW LEVEL SECURITY;
ALTER TABLE version_yanks FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE (ended_by, ended_at) ON version_yanks TO souk_app;
-- Seen by whoever sees the model: a caller must learn why a version is not the newest any more.
CREATE POLICY version_yanks_read ON version_yanks FOR SELECT
    USING (app_across_tenants() OR EXISTS (SELECT 1 FROM models m WHERE m.id = version_yanks.model_id));
CREATE POLICY version_yanks_create ON version_yanks FOR INSERT WITH CHECK (tenant_id = app_tenant_id());
CREATE POLICY version_yanks_end ON version_yanks FOR UPDATE
    USING (tenant_id = app_tenant_id()) WITH CHECK (tenant_id = app_tenant_id());

-- It decides which version is the newest, and whether one may run.
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON version_yanks
    FOR EACH STATEMENT EXECUTE FUNCTION announce_access_change();
