-- The publisher's sample, which the trial runs in place of made-up inputs: JSON, kept as text because it is only written,
-- read and thrown away. It is for a publication under way; of one that has ended the report says what was made of it.
ALTER TABLE publications
  ADD COLUMN sample TEXT,
  ADD CONSTRAINT publications_sample CHECK (sample IS NULL OR status IN ('QUEUED', 'RUNNING')),
  ADD CONSTRAINT publications_sample_bytes CHECK (octet_length(sample) <= 8388608);
