-- Times are milliseconds since 1970-01-01 UTC; durations are milliseconds.

CREATE TABLE topics (
    topic_id      INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT UNIQUE,              -- NULL: deleted, its rows still go in small steps
    key_pointers  TEXT    NOT NULL,         -- JSON array of JSON pointers
    window        INTEGER NOT NULL,
    retention     INTEGER,                  -- NULL: for ever
    removed_items INTEGER NOT NULL DEFAULT 0,
    last_id       INTEGER NOT NULL DEFAULT 0,   -- at the last removal of items; the view below knows today's
    last_added_at INTEGER NOT NULL DEFAULT 0,   -- likewise
    created_at    INTEGER NOT NULL
);

-- One B-tree in append order: the row id is the topic's number above 40 bits of the item's id.
-- Differs from PostgreSQL, where (topic_id, id) is the primary key: SQLite fills the pages of an
-- integer-keyed table completely when it appends, those of any other index only in part.
CREATE TABLE items (
    row_id   INTEGER PRIMARY KEY,
    key      TEXT,                          -- NULL: the SHA-256 of the canonical content
    content  BLOB    NOT NULL,              -- UTF-8 JSON
    source   TEXT,
    added_at INTEGER NOT NULL
);

-- A topic's counters, read off the end of its log, so that an append writes nothing but the item and its key. Ids have no
-- gaps when they are given, so the count is the last id less what was removed.
CREATE VIEW live_topics AS
SELECT topic_id, name, key_pointers, window, retention, created_at,
       max(last_id, coalesce(newest_id, 0)) AS last_id,
       max(last_id, coalesce(newest_id, 0)) - removed_items AS item_count,
       nullif(max(last_added_at, coalesce(newest_added_at, 0)), 0) AS last_added_at
FROM (
    SELECT t.*,
           (SELECT i.row_id & 1099511627775 FROM items i
            WHERE i.row_id > t.topic_id << 40 AND i.row_id < (t.topic_id + 1) << 40 ORDER BY i.row_id DESC LIMIT 1) AS newest_id,
           (SELECT i.added_at FROM items i
            WHERE i.row_id > t.topic_id << 40 AND i.row_id < (t.topic_id + 1) << 40 ORDER BY i.row_id DESC LIMIT 1) AS newest_added_at
    FROM topics t WHERE t.name IS NOT NULL
);

-- No index on expires_at: it would double the size. An expired key counts as free when it is met, and
-- the purge walks the table in key order to give its space back.
CREATE TABLE keys (
    topic_id   INTEGER NOT NULL,
    key_hash   BLOB    NOT NULL,            -- 16 bytes
    item_id    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (topic_id, key_hash)
) WITHOUT ROWID;

CREATE TABLE subscriptions (
    subscription_id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic_id        INTEGER NOT NULL,
    name            TEXT,                   -- NULL: deleted, its rows still go in small steps
    position        INTEGER NOT NULL,       -- the last item id handed out for the first time
    fence           INTEGER NOT NULL,       -- of the last fetch; only grows
    lease           INTEGER NOT NULL,
    max_attempts    INTEGER NOT NULL,
    max_in_flight   INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    UNIQUE (topic_id, name)
);

-- Only what is leased or waits to be delivered again.
CREATE TABLE deliveries (
    subscription_id INTEGER NOT NULL,
    item_id         INTEGER NOT NULL,
    attempt         INTEGER NOT NULL,
    fence           INTEGER NOT NULL,       -- 0: nobody holds a lease
    due_at          INTEGER NOT NULL,       -- when the lease ends, or when it may be handed out again
    reason          TEXT,                   -- of the last negative acknowledgement
    PRIMARY KEY (subscription_id, item_id)
) WITHOUT ROWID;

CREATE INDEX deliveries_due ON deliveries (subscription_id, due_at);

CREATE TABLE dead_letters (
    subscription_id INTEGER NOT NULL,
    item_id         INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    reason          TEXT    NOT NULL,
    died_at         INTEGER NOT NULL,
    PRIMARY KEY (subscription_id, item_id)
) WITHOUT ROWID;

CREATE TABLE sources (
    name           TEXT PRIMARY KEY,
    kind           TEXT    NOT NULL,
    topic          TEXT    NOT NULL,
    url            TEXT    NOT NULL,
    interval       INTEGER NOT NULL,
    paused         INTEGER NOT NULL,
    state          TEXT,
    next_poll_at   INTEGER,                 -- NULL: gone, not polled any more
    last_polled_at INTEGER,
    last_outcome   TEXT,
    error          TEXT,
    failures       INTEGER NOT NULL DEFAULT 0,
    items_added    INTEGER NOT NULL DEFAULT 0,
    created_at     INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE access_tokens (
    name         TEXT PRIMARY KEY,
    hash         BLOB    NOT NULL,          -- SHA-256 of the secret
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER
) WITHOUT ROWID;
