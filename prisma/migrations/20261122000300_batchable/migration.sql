-- Whether requests for a version may share a run, as its trial has shown.
ALTER TABLE versions ADD COLUMN batchable BOOLEAN NOT NULL DEFAULT false;

-- Versions from before were refused a free batch when the trial saw rows mixed, so a free one may be joined.
-- The policies let nobody update versions; their owner may while this migration lasts.
ALTER TABLE versions NO FORCE ROW LEVEL SECURITY;
UPDATE versions SET batchable = NOT EXISTS (
    SELECT 1 FROM jsonb_array_elements((signature -> 'inputs') || (signature -> 'outputs')) AS tensor
    WHERE (tensor -> 'shape' ->> 0) IS DISTINCT FROM '-1'
);
ALTER TABLE versions FORCE ROW LEVEL SECURITY;
