-- Jobs that have not ended. Small and busy, apart from those that have ended: each start and each retry writes the row anew.
CREATE TABLE databus.jobs (
    job_id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name             text COLLATE "C" NOT NULL,
    queue            text COLLATE "C" NOT NULL,
    priority         smallint NOT NULL,            -- 0 low, 1 normal, 2 high
    state            smallint NOT NULL,            -- 0 waiting, 1 delayed, 2 held, 3 blocked, 4 running
    arguments        bytea    NOT NULL,            -- UTF-8 JSON
    attempt          integer  NOT NULL DEFAULT 0,
    max_attempts     integer  NOT NULL,
    lost             integer  NOT NULL DEFAULT 0,  -- how often in a row its owner fell silent
    fence            bigint   NOT NULL DEFAULT 0,  -- of the last start; only grows
    enqueued_at      bigint   NOT NULL,
    due_at           bigint   NOT NULL,
    expires_at       bigint,                       -- not started by then: expired
    started_at       bigint,
    owner            text COLLATE "C",
    lease_until      bigint,                       -- NULL: as long as its owner, a node, is heard of
    keep_for         bigint   NOT NULL,
    unique_key       text COLLATE "C",             -- to be freed at its end
    limit_key        text COLLATE "C",
    limit_running    integer  NOT NULL DEFAULT 0,
    limit_starts     integer  NOT NULL DEFAULT 0,
    limit_per        bigint   NOT NULL DEFAULT 0,
    waits_for        integer  NOT NULL DEFAULT 0,  -- jobs it comes after that have not ended
    after_any_end    boolean  NOT NULL DEFAULT false,
    has_followers    boolean  NOT NULL DEFAULT false,
    cancel_requested boolean  NOT NULL DEFAULT false,
    queue_counted    boolean  NOT NULL DEFAULT false,   -- it runs, and the limit of its queue counts it
    progress         double precision,
    message          text,
    error            text,
    trace_parent     text
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);


-- Who waits, by turn. The turn is the id, as an expression, so that no plan can go along the ids of all jobs instead: with statistics
-- of an empty table one index seems as good as the other, and that one passes all that is delayed or runs.
CREATE INDEX claimable_jobs ON databus.jobs (queue, priority, (job_id + 0)) WHERE state = 0;
CREATE INDEX delayed_jobs ON databus.jobs (due_at, job_id) WHERE state = 1;
CREATE INDEX held_jobs ON databus.jobs (limit_key, queue, priority, (job_id + 0)) WHERE state = 2;

-- Differs from SQLite, where one index of the owner does for all of these. Under an open transaction every start leaves a
-- dead entry here; whoever looks for the dead looks between the living, and what is looked for often has an index of its own.
CREATE INDEX running_jobs ON databus.jobs (owner, job_id) WHERE state = 4 AND lease_until IS NULL;
CREATE INDEX leased_jobs ON databus.jobs (lease_until, job_id) WHERE state = 4 AND lease_until IS NOT NULL;
CREATE INDEX jobs_to_stop ON databus.jobs (owner, job_id) WHERE state = 4 AND cancel_requested;

-- Jobs that have ended. Written once, and removed in the order of their ids when they have been kept long enough.
CREATE TABLE databus.ended_jobs (
    job_id       bigint   PRIMARY KEY,
    name         text COLLATE "C" NOT NULL,
    queue        text COLLATE "C" NOT NULL,
    priority     smallint NOT NULL,
    state        smallint NOT NULL,                -- 10 succeeded, 11 failed, 12 cancelled, 13 expired
    arguments    bytea    NOT NULL,
    attempt      integer  NOT NULL,
    max_attempts integer  NOT NULL,
    fence        bigint   NOT NULL,
    enqueued_at  bigint   NOT NULL,
    due_at       bigint   NOT NULL,
    started_at   bigint,
    ended_at     bigint   NOT NULL,
    owner        text,
    keep_for     bigint   NOT NULL,
    limit_key    text,
    limit_running integer NOT NULL,
    limit_starts integer  NOT NULL,
    limit_per    bigint   NOT NULL,
    result       bytea,                            -- UTF-8 JSON
    progress     double precision,
    message      text,
    error        text,
    trace_parent text
);

-- A job that comes after another one.
CREATE TABLE databus.job_followers (
    job_id      bigint NOT NULL,                   -- the one that has to end
    follower_id bigint NOT NULL,
    PRIMARY KEY (job_id, follower_id)
);

CREATE TABLE databus.unique_jobs (
    unique_key text COLLATE "C" PRIMARY KEY,
    job_id     bigint NOT NULL,
    expires_at bigint                              -- NULL: at the job's end
);

-- What the jobs of a limit do together. A queue's own limit has a key that no job's can be: see JobLimits.
CREATE TABLE databus.job_limits (
    limit_key text COLLATE "C" PRIMARY KEY,
    running   integer  NOT NULL,
    starts    bigint[] NOT NULL,                   -- times of the last starts, as many as are allowed, oldest first
    opens_at  bigint                               -- when what its rate holds may start; NULL: it holds nothing
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);

CREATE INDEX opening_limits ON databus.job_limits (opens_at) WHERE opens_at IS NOT NULL;

CREATE TABLE databus.job_log (
    job_id  bigint NOT NULL,
    line_id bigint GENERATED ALWAYS AS IDENTITY,
    at      bigint NOT NULL,
    attempt integer NOT NULL,
    level   smallint NOT NULL,
    line    text   NOT NULL,
    PRIMARY KEY (job_id, line_id)
);

CREATE TABLE databus.queues (
    queue         text COLLATE "C" PRIMARY KEY,
    paused        boolean NOT NULL,
    limit_running integer NOT NULL DEFAULT 0,
    limit_starts  integer NOT NULL DEFAULT 0,
    limit_per     bigint  NOT NULL DEFAULT 0
);

-- What ended, a row for each step and queue; kept for an hour.
CREATE TABLE databus.job_counts (
    at    bigint  NOT NULL,
    queue text COLLATE "C" NOT NULL,
    ended integer NOT NULL,
    wait  bigint  NOT NULL                         -- from due to the last start, all together
);

CREATE INDEX job_counts_by_time ON databus.job_counts (at);

CREATE TABLE databus.schedules (
    name         text COLLATE "C" PRIMARY KEY,
    every        bigint,
    cron         text,
    zone         text     NOT NULL,
    job          text     NOT NULL,                -- JSON
    catch_up     smallint NOT NULL,
    catch_up_limit integer NOT NULL,
    overlap      smallint NOT NULL,
    jitter       bigint   NOT NULL,
    paused       boolean  NOT NULL,
    revision     bigint   NOT NULL,
    next_at      bigint,
    last_tick_at bigint,
    last_job_id  bigint,
    ticks        bigint   NOT NULL DEFAULT 0,
    skipped      bigint   NOT NULL DEFAULT 0
);

-- The names of the jobs that a node has handlers for, separated by commas.
ALTER TABLE databus.nodes ADD COLUMN job_names text NOT NULL DEFAULT '';
