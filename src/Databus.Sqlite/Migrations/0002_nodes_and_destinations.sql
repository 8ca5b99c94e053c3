-- A subscription that pushes has a kind of destination and its configuration, a JSON object.
ALTER TABLE subscriptions ADD COLUMN destination_kind TEXT;
ALTER TABLE subscriptions ADD COLUMN destination_configuration TEXT;
ALTER TABLE subscriptions ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;

ALTER TABLE sources ADD COLUMN asked_for INTEGER NOT NULL DEFAULT 0;    -- poll it, whatever else holds
ALTER TABLE sources ADD COLUMN claimed_until INTEGER NOT NULL DEFAULT 0; -- until then one node has the right to poll it

CREATE TABLE nodes (
    node_id    TEXT PRIMARY KEY,
    name       TEXT    NOT NULL,
    roles      INTEGER NOT NULL,
    version    TEXT    NOT NULL,
    started_at INTEGER NOT NULL,
    draining   INTEGER NOT NULL,
    warnings   TEXT    NOT NULL,            -- JSON array of code and message
    seen_at    INTEGER NOT NULL
) WITHOUT ROWID;
