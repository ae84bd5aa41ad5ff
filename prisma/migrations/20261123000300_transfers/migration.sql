-- Uploads that arrive in pieces (tus), and how many bytes a tenant may keep.

CREATE TABLE transfers (
    -- The same id as the upload that it becomes.
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id) ON DELETE RESTRICT ON UPDATE CASCADE,
    -- WHOLE: a file. PART: a part of one, to be joined with others. JOINED: what became of parts.
    role TEXT NOT NULL,
    -- Null while the sender has not said it.
    length BIGINT,
    -- Counts as used until the transfer is finished: its length, or what has arrived of one without a length.
    reserved_bytes BIGINT NOT NULL,
    -- As the client sent it: never interpreted, only given back.
    metadata TEXT,
    expected_digest TEXT,
    parts TEXT[] NOT NULL DEFAULT '{}',
    -- While a piece with a checksum arrives: behind these bytes nothing is checked yet.
    checked_bytes BIGINT,
    -- Who writes. Worthless once it has expired, by the clock of the database.
    lock_token TEXT,
    lock_expires_at TIMESTAMPTZ(3),
    -- Somebody asks for the offset: a writer whose sender is silent gives up.
    lock_asked BOOLEAN NOT NULL DEFAULT false,
    -- Of the finished file.
    digest TEXT,
    finished_at TIMESTAMPTZ(3),
    expires_at TIMESTAMPTZ(3) NOT NULL,
    created_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT transfers_role CHECK (role IN ('WHOLE', 'PART', 'JOINED')),
    CONSTRAINT transfers_bytes CHECK (length > 0 AND reserved_bytes >= 0 AND checked_bytes >= 0),
    CONSTRAINT transfers_finished CHECK ((finished_at IS NULL) = (digest IS NULL))
);
CREATE INDEX transfers_tenant_id_idx ON transfers (tenant_id);
CREATE INDEX transfers_expires_at_idx ON transfers (expires_at);

ALTER TABLE transfers ENABLE ROW LEVEL SECURITY;
ALTER TABLE transfers FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE, DELETE ON transfers TO souk_app;
CREATE POLICY transfers_own ON transfers
    USING (tenant_id = app_tenant_id() OR app_across_tenants())
    WITH CHECK (tenant_id = app_tenant_id() OR app_across_tenants());

-- Null: what the server gives every tenant.
ALTER TABLE tenant_plans ADD COLUMN storage_bytes BIGINT;
ALTER TABLE tenant_plans ADD CONSTRAINT tenant_plans_storage CHECK (storage_bytes >= 0);

-- What a tenant stores is summed whenever it adds to it.
CREATE INDEX versions_tenant_id_digest_idx ON versions (tenant_id, digest);
