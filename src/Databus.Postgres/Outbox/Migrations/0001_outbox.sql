-- The transactional outbox. Whoever inserts into message within a transaction, by whatever means, has recorded a message:
-- message_id, type and content suffice. Rows are inserted and deleted; one is updated only when a send of it has failed, so that
-- no open transaction elsewhere keeps versions of it alive (decision 0004).

CREATE SEQUENCE databus_outbox.message_id;

CREATE TABLE databus_outbox.message
(
    transaction  xid8        NOT NULL DEFAULT pg_current_xact_id(),  -- first, so that a transaction has its id before the row has its own: OutboxFloors
    id           bigint      NOT NULL PRIMARY KEY DEFAULT nextval('databus_outbox.message_id'),
    message_id   uuid        NOT NULL UNIQUE,        -- what its receivers know it by; version 7, so that the index grows at its end
    type         text        NOT NULL,
    order_key    text,                               -- messages of one type and key are sent in the order of id
    content      text        NOT NULL,               -- JSON
    trace_parent text,
    recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts     integer     NOT NULL DEFAULT 0,     -- sends that failed
    due_at       timestamptz,                        -- NULL: never failed
    error        text
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000);

ALTER SEQUENCE databus_outbox.message_id OWNED BY databus_outbox.message.id;

-- What never failed is apart from what waits, so that neither is in the way of the other. Claims look by id + 0, so that no other index
-- will do for the planner.
CREATE INDEX message_fresh ON databus_outbox.message (type, (id + 0)) WHERE due_at IS NULL;
CREATE INDEX message_fresh_key ON databus_outbox.message (type, order_key, (id + 0)) WHERE due_at IS NULL AND order_key IS NOT NULL;
CREATE INDEX message_waiting ON databus_outbox.message (type, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX message_waiting_id ON databus_outbox.message (type, (id + 0)) WHERE due_at IS NOT NULL;
CREATE INDEX message_waiting_key ON databus_outbox.message (type, order_key, (id + 0)) WHERE due_at IS NOT NULL AND order_key IS NOT NULL;

-- The lock that the messages of a type and key take. One for each, and not one of a few: two keys that share a lock make those wait in
-- a circle who record them in one order. A transaction with more keys than the server has room for locks needs max_locks_per_transaction.
CREATE FUNCTION databus_outbox.order_lock(type text, order_key text) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN hashtextextended(order_key, hashtextextended(type, 1145176080));

-- The lock first, and then the id: so the order of ids of one key is the order of commits. Whoever records the same key waits until
-- then; nobody else does. What is replayed keeps its place: it is due at once.
CREATE FUNCTION databus_outbox.take_turns() RETURNS trigger
    LANGUAGE plpgsql AS
$$
BEGIN
    PERFORM pg_advisory_xact_lock(databus_outbox.order_lock(NEW.type, NEW.order_key));
    NEW.id := nextval('databus_outbox.message_id');
    RETURN NEW;
END
$$;

CREATE TRIGGER take_turns BEFORE INSERT ON databus_outbox.message
    FOR EACH ROW WHEN (NEW.order_key IS NOT NULL AND NEW.due_at IS NULL) EXECUTE FUNCTION databus_outbox.take_turns();

-- One row for each batch that somebody is sending. A row that is gone is a claim that is lost; its token never comes again.
CREATE SEQUENCE databus_outbox.claim_id;

CREATE TABLE databus_outbox.claim
(
    id          bigint      NOT NULL PRIMARY KEY DEFAULT nextval('databus_outbox.claim_id'),  -- given under the lock, so whoever looks knows from where
    token       uuid        NOT NULL UNIQUE,
    type        text        NOT NULL,
    whole_type  boolean     NOT NULL,                -- nobody else claims anything of the type
    ids         bigint[]    NOT NULL,
    lease_until timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, toast_tuple_target = 8160);

-- Read and deleted in a moment: the ids of a usual batch stay in the row, and are never compressed.
ALTER TABLE databus_outbox.claim ALTER COLUMN ids SET STORAGE EXTERNAL;

CREATE TABLE databus_outbox.parked
(
    id           bigint      NOT NULL PRIMARY KEY,   -- that of the message
    message_id   uuid        NOT NULL,
    type         text        NOT NULL,
    order_key    text,
    content      text        NOT NULL,
    trace_parent text,
    recorded_at  timestamptz NOT NULL,
    parked_at    timestamptz NOT NULL,
    attempts     integer     NOT NULL,
    reason       text        NOT NULL,
    holds_key    boolean     NOT NULL                -- all messages of its type and key wait for it
);

CREATE INDEX parked_key ON databus_outbox.parked (type, order_key) WHERE holds_key;
CREATE INDEX parked_type ON databus_outbox.parked (type);

-- Only of types that ask for it.
CREATE TABLE databus_outbox.sent
(
    id           bigint      NOT NULL PRIMARY KEY,
    message_id   uuid        NOT NULL,
    type         text        NOT NULL,
    order_key    text,
    content      text        NOT NULL,
    recorded_at  timestamptz NOT NULL,
    sent_at      timestamptz NOT NULL,
    keep_until   timestamptz NOT NULL
);

CREATE INDEX sent_keep_until ON databus_outbox.sent (keep_until);

-- The receiving side.
CREATE TABLE databus_outbox.inbox
(
    message_id uuid        NOT NULL PRIMARY KEY,
    handled_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX inbox_handled_at ON databus_outbox.inbox (handled_at);
