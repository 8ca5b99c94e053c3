-- A subscription that pushes has a kind of destination and its configuration, a JSON object.
ALTER TABLE databus.subscriptions ADD COLUMN destination_kind text;
ALTER TABLE databus.subscriptions ADD COLUMN destination_configuration text;
ALTER TABLE databus.subscriptions ADD COLUMN paused boolean NOT NULL DEFAULT false;

ALTER TABLE databus.sources ADD COLUMN asked_for integer NOT NULL DEFAULT 0;      -- 1: poll it, whatever else holds; 2: once more after the poll under way
ALTER TABLE databus.sources ADD COLUMN claimed_until bigint NOT NULL DEFAULT 0;   -- until then one node has the right to poll it

CREATE TABLE databus.nodes (
    node_id    text COLLATE "C" PRIMARY KEY,
    name       text COLLATE "C" NOT NULL,
    roles      integer NOT NULL,
    version    text    NOT NULL,
    started_at bigint  NOT NULL,
    draining   boolean NOT NULL,
    warnings   text    NOT NULL,               -- JSON array of code and message
    seen_at    bigint  NOT NULL
);
