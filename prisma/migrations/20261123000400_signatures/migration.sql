-- The ways to call a version, the one that answers by default first: [{"name", "signature", "batchable"}].
-- Empty for versions from before: they have the one in `signature` and `batchable`.
ALTER TABLE versions ADD COLUMN signatures JSONB NOT NULL DEFAULT '[]';
