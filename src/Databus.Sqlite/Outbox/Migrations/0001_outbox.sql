-- The transactional outbox. Whoever inserts into databus_outbox_message within a transaction has recorded a message: message_id, type
-- and content suffice. Times are milliseconds since 1970.

CREATE TABLE databus_outbox_message
(
    id           INTEGER PRIMARY KEY AUTOINCREMENT,  -- of the one writer, so in the order of commits
    message_id   TEXT    NOT NULL UNIQUE,            -- a uuid, in lower case with hyphens
    type         TEXT    NOT NULL,
    order_key    TEXT,
    content      TEXT    NOT NULL,                   -- JSON
    trace_parent TEXT,
    recorded_at  INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)),
    attempts     INTEGER NOT NULL DEFAULT 0,         -- sends that failed
    due_at       INTEGER,                            -- NULL: never failed
    error        TEXT
);

CREATE INDEX databus_outbox_message_fresh ON databus_outbox_message (type, id) WHERE due_at IS NULL;
CREATE INDEX databus_outbox_message_key ON databus_outbox_message (type, order_key, id) WHERE order_key IS NOT NULL;
CREATE INDEX databus_outbox_message_waiting ON databus_outbox_message (type, due_at) WHERE due_at IS NOT NULL;

-- One row for each batch that somebody is sending. A row that is gone is a claim that is lost; its token never comes again.
CREATE TABLE databus_outbox_claim
(
    token       TEXT    NOT NULL PRIMARY KEY,
    type        TEXT    NOT NULL,
    whole_type  INTEGER NOT NULL,                    -- nobody else claims anything of the type
    ids         TEXT    NOT NULL,                    -- a JSON array
    lease_until INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE databus_outbox_parked
(
    id           INTEGER PRIMARY KEY,                -- that of the message
    message_id   TEXT    NOT NULL,
    type         TEXT    NOT NULL,
    order_key    TEXT,
    content      TEXT    NOT NULL,
    trace_parent TEXT,
    recorded_at  INTEGER NOT NULL,
    parked_at    INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    reason       TEXT    NOT NULL,
    holds_key    INTEGER NOT NULL                    -- all messages of its type and key wait for it
);

CREATE INDEX databus_outbox_parked_key ON databus_outbox_parked (type, order_key) WHERE holds_key;

-- Only of types that ask for it.
CREATE TABLE databus_outbox_sent
(
    id          INTEGER PRIMARY KEY,
    message_id  TEXT    NOT NULL,
    type        TEXT    NOT NULL,
    order_key   TEXT,
    content     TEXT    NOT NULL,
    recorded_at INTEGER NOT NULL,
    sent_at     INTEGER NOT NULL,
    keep_until  INTEGER NOT NULL
);

CREATE INDEX databus_outbox_sent_keep_until ON databus_outbox_sent (keep_until);

-- The receiving side.
CREATE TABLE databus_outbox_inbox
(
    message_id TEXT    NOT NULL PRIMARY KEY,
    handled_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX databus_outbox_inbox_handled_at ON databus_outbox_inbox (handled_at);
