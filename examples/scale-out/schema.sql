-- The tables of sharedb-postgres, with these differences:
-- - json in place of jsonb: jsonb refuses U+0000 and halves of surrogate pairs, which text edits contain.
-- - src and seq have columns, and an index that finds an op by them: getCommittedOpVersion reads one row, not the whole log.
--   It is unique: no op is there twice.
-- - created_at says which ops are old enough to be trimmed.

CREATE TABLE IF NOT EXISTS ops (
  collection text COLLATE "C" NOT NULL,
  doc_id text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  operation json NOT NULL,
  src text,
  seq bigint,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (collection, doc_id, version)
);

CREATE UNIQUE INDEX IF NOT EXISTS ops_author ON ops (collection, doc_id, src, seq);
CREATE INDEX IF NOT EXISTS ops_created_at ON ops (created_at);

CREATE TABLE IF NOT EXISTS snapshots (
  collection text COLLATE "C" NOT NULL,
  doc_id text COLLATE "C" NOT NULL,
  doc_type text,
  version integer NOT NULL,
  data json,
  metadata json,
  PRIMARY KEY (collection, doc_id)
);
