-- A publication is a job that survives the process which runs it.
--   upload_id         the upload that it consumed: unique, so an upload can be published only once, whatever the code does
--   request_id        the request that asked, for the audit events of an outcome that comes later
--   attempts          how often it was begun: one that takes the server down each time is given up
--   lease_owner,
--   lease_expires_at  who runs it. Only the holder may end it; a lease that is not renewed is free for others
ALTER TABLE publications
    ADD COLUMN upload_id TEXT NOT NULL,
    ADD COLUMN request_id TEXT NOT NULL,
    ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN lease_owner TEXT,
    ADD COLUMN lease_expires_at TIMESTAMPTZ(3);

CREATE UNIQUE INDEX publications_upload_id_key ON publications (upload_id);
-- Which tenant was served last, to take turns.
CREATE INDEX publications_tenant_id_finished_at_idx ON publications (tenant_id, finished_at);
