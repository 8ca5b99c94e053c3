-- Times are milliseconds since 1970-01-01 UTC; durations are milliseconds.
--
-- Differs from SQLite in one principle: no row is updated again and again. While any transaction stays open, PostgreSQL
-- keeps every version of a row that it could see, and whoever looks the row up passes them all. So what changes often
-- is inserted under a number that grows and looked for from its newest end, and last ids are read off the log itself.

-- The one clock of all nodes. Tests give a time of their own.
CREATE FUNCTION databus.now_in_ms(given bigint) RETURNS bigint LANGUAGE sql VOLATILE PARALLEL SAFE AS
    'SELECT coalesce(given, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)';

CREATE TABLE databus.topics (
    topic_id      integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text COLLATE "C" UNIQUE,     -- NULL: deleted, its rows still go in small steps
    key_pointers  text   NOT NULL,             -- JSON array of JSON pointers
    key_window    bigint NOT NULL,             -- differs because WINDOW is a reserved word
    retention     bigint,                      -- NULL: for ever
    removed_items bigint NOT NULL DEFAULT 0,
    last_id       bigint NOT NULL DEFAULT 0,   -- at the last removal of items; the view below knows today's
    last_added_at bigint NOT NULL DEFAULT 0,   -- likewise
    created_at    bigint NOT NULL
);

CREATE TABLE databus.items (
    topic_id integer NOT NULL,
    item_id  bigint  NOT NULL,
    key      text,                             -- NULL: the SHA-256 of the canonical content
    content  bytea   NOT NULL,                 -- UTF-8 JSON
    source   text,
    added_at bigint  NOT NULL,
    PRIMARY KEY (topic_id, item_id)
);

-- A topic's counters, read off the end of its log. Ids have no gaps when they are given, so the count is the last id
-- less what was removed.
CREATE VIEW databus.live_topics AS
SELECT t.topic_id, t.name, t.key_pointers, t.key_window, t.retention, t.created_at,
       greatest(t.last_id, coalesce(newest.item_id, 0)) AS last_id,
       greatest(t.last_id, coalesce(newest.item_id, 0)) - t.removed_items AS item_count,
       nullif(greatest(t.last_added_at, coalesce(newest.added_at, 0)), 0) AS last_added_at
FROM databus.topics t
LEFT JOIN LATERAL (
    SELECT i.item_id, i.added_at FROM databus.items i WHERE i.topic_id = t.topic_id ORDER BY i.item_id DESC LIMIT 1
) newest ON true
WHERE t.name IS NOT NULL;

-- No index on expires_at: it would double the size. An expired key counts as free when it is met, and
-- the purge walks the table in key order to give its space back.
CREATE TABLE databus.keys (
    topic_id   integer NOT NULL,
    key_hash   uuid    NOT NULL,               -- differs because 16 bytes cost the least as uuid
    item_id    bigint  NOT NULL,
    expires_at bigint  NOT NULL,
    PRIMARY KEY (topic_id, key_hash)
);

CREATE TABLE databus.subscriptions (
    subscription_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic_id        integer NOT NULL,
    name            text COLLATE "C",          -- NULL: deleted, its rows still go in small steps
    lease           bigint  NOT NULL,
    max_attempts    integer NOT NULL,
    max_in_flight   integer NOT NULL,
    created_at      bigint  NOT NULL,
    UNIQUE (topic_id, name)
);

-- Differs from SQLite, where they are columns of the subscription: the row with the largest fence holds.
CREATE TABLE databus.positions (
    subscription_id integer NOT NULL,
    fence           bigint  NOT NULL,          -- of the last change; only grows
    position        bigint  NOT NULL,          -- the last item id handed out for the first time
    PRIMARY KEY (subscription_id, fence)
);

-- Only what is leased or waits to be delivered again. Differs from SQLite: items that were handed out together and
-- share their fate so far are one row, so a fetch of hundreds writes a few rows and its acknowledgement removes them.
-- A row's fence is larger than that of all rows before it, so nothing lives below the smallest one that was seen.
CREATE TABLE databus.deliveries (
    subscription_id integer  NOT NULL,
    fence           bigint   NOT NULL,
    due_at          bigint   NOT NULL,         -- when the lease ends, or when they may be handed out again
    leased          boolean  NOT NULL,
    attempt         integer  NOT NULL,
    item_ids        bigint[] NOT NULL,         -- in order
    reason          text,                      -- of the last negative acknowledgement
    PRIMARY KEY (subscription_id, fence, due_at)
) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE databus.dead_letters (
    subscription_id integer NOT NULL,
    item_id         bigint  NOT NULL,
    attempts        integer NOT NULL,
    reason          text    NOT NULL,
    died_at         bigint  NOT NULL,
    PRIMARY KEY (subscription_id, item_id)
);

ALTER TABLE databus.positions SET (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE databus.sources (
    name           text COLLATE "C" PRIMARY KEY,
    kind           text    NOT NULL,
    topic          text    NOT NULL,
    url            text    NOT NULL,
    poll_interval  bigint  NOT NULL,           -- differs because INTERVAL is a type
    paused         boolean NOT NULL,
    state          text,
    next_poll_at   bigint,                     -- NULL: gone, not polled any more
    last_polled_at bigint,
    last_outcome   text,
    error          text,
    failures       integer NOT NULL DEFAULT 0,
    items_added    bigint  NOT NULL DEFAULT 0,
    created_at     bigint  NOT NULL
);

CREATE TABLE databus.access_tokens (
    name         text COLLATE "C" PRIMARY KEY,
    hash         bytea  NOT NULL,              -- SHA-256 of the secret
    created_at   bigint NOT NULL,
    last_used_at bigint
);
