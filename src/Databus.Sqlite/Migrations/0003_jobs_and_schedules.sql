-- Jobs that have not ended. Small and busy, apart from those that have ended: each start and each retry writes the row anew.
CREATE TABLE jobs (
    job_id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name             TEXT    NOT NULL,
    queue            TEXT    NOT NULL,
    priority         INTEGER NOT NULL,            -- 0 low, 1 normal, 2 high
    state            INTEGER NOT NULL,            -- 0 waiting, 1 delayed, 2 held, 3 blocked, 4 running
    attempt          INTEGER NOT NULL DEFAULT 0,
    max_attempts     INTEGER NOT NULL,
    lost             INTEGER NOT NULL DEFAULT 0,  -- how often in a row its owner fell silent
    fence            INTEGER NOT NULL DEFAULT 0,  -- of the last start; only grows
    enqueued_at      INTEGER NOT NULL,
    due_at           INTEGER NOT NULL,
    expires_at       INTEGER,                     -- not started by then: expired; of a blocked job, as if it had been free at once
    started_at       INTEGER,
    owner            TEXT,
    lease_until      INTEGER,                     -- NULL: as long as its owner, a node, is heard of
    keep_for         INTEGER NOT NULL,
    unique_key       TEXT,                        -- to be freed at its end
    limit_key        TEXT,
    limit_running    INTEGER NOT NULL DEFAULT 0,
    limit_starts     INTEGER NOT NULL DEFAULT 0,
    limit_per        INTEGER NOT NULL DEFAULT 0,
    waits_for        INTEGER NOT NULL DEFAULT 0,  -- jobs it comes after that have not ended
    after_any_end    INTEGER NOT NULL DEFAULT 0,
    has_followers    INTEGER NOT NULL DEFAULT 0,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    progress         REAL,
    message          TEXT,
    error            TEXT,
    trace_parent     TEXT,
    arguments        BLOB    NOT NULL             -- UTF-8 JSON; last, so that the others are found without reading it
);

-- The state, always the same, takes a byte and spares a look at each row: SQLite does not know that the index implies it.
CREATE INDEX claimable_jobs ON jobs (state, queue, priority DESC, job_id) WHERE state = 0;
CREATE INDEX delayed_jobs ON jobs (state, due_at, queue) WHERE state = 1;
CREATE INDEX held_jobs ON jobs (state, limit_key, queue, priority DESC, job_id) WHERE state = 2;
CREATE INDEX blocked_jobs ON jobs (state, queue) WHERE state = 3;
CREATE INDEX running_jobs ON jobs (state, owner, queue) WHERE state = 4;
CREATE INDEX leased_jobs ON jobs (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX jobs_to_stop ON jobs (owner) WHERE cancel_requested = 1;

-- Jobs that have ended. Written once, and removed in the order of their ids when they have been kept long enough.
CREATE TABLE ended_jobs (
    job_id        INTEGER PRIMARY KEY,
    name          TEXT    NOT NULL,
    queue         TEXT    NOT NULL,
    priority      INTEGER NOT NULL,
    state         INTEGER NOT NULL,               -- 10 succeeded, 11 failed, 12 cancelled, 13 expired
    attempt       INTEGER NOT NULL,
    max_attempts  INTEGER NOT NULL,
    fence         INTEGER NOT NULL,
    enqueued_at   INTEGER NOT NULL,
    due_at        INTEGER NOT NULL,
    started_at    INTEGER,
    ended_at      INTEGER NOT NULL,
    keep_for      INTEGER NOT NULL,
    owner         TEXT,
    limit_key     TEXT,
    limit_running INTEGER NOT NULL,
    limit_starts  INTEGER NOT NULL,
    limit_per     INTEGER NOT NULL,
    progress      REAL,
    message       TEXT,
    error         TEXT,
    trace_parent  TEXT,
    arguments     BLOB    NOT NULL,
    result        BLOB                            -- UTF-8 JSON
);

-- A job that comes after another one.
CREATE TABLE job_followers (
    job_id      INTEGER NOT NULL,                 -- the one that has to end
    follower_id INTEGER NOT NULL,
    PRIMARY KEY (job_id, follower_id)
) WITHOUT ROWID;

CREATE TABLE unique_jobs (
    unique_key TEXT PRIMARY KEY,
    job_id     INTEGER NOT NULL,
    expires_at INTEGER                            -- NULL: at the job's end
) WITHOUT ROWID;

-- What the jobs of a limit do together. A row is there while one of them runs or its starts still count.
CREATE TABLE job_limits (
    limit_key    TEXT PRIMARY KEY,
    running      INTEGER NOT NULL,
    starts       BLOB    NOT NULL,                -- times of the last starts, oldest first, 8 bytes each
    starts_until INTEGER NOT NULL,                -- until when the last of them counts
    free_at      INTEGER                          -- when held jobs may start again though none has ended; NULL: never
) WITHOUT ROWID;

CREATE INDEX job_limits_to_free ON job_limits (free_at) WHERE free_at IS NOT NULL;

CREATE TABLE job_log (
    job_id  INTEGER NOT NULL,
    line_id INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    level   INTEGER NOT NULL,
    line    TEXT    NOT NULL,
    PRIMARY KEY (job_id, line_id)
) WITHOUT ROWID;

-- What was set for a queue, and what its jobs do together while they are limited.
CREATE TABLE queues (
    queue         TEXT PRIMARY KEY,
    paused        INTEGER NOT NULL,
    limit_running INTEGER NOT NULL,
    limit_starts  INTEGER NOT NULL,
    limit_per     INTEGER NOT NULL,
    running       INTEGER NOT NULL,
    starts        BLOB    NOT NULL                -- as in job_limits
) WITHOUT ROWID;

-- What ended in each second; kept for an hour.
CREATE TABLE job_counts (
    at    INTEGER NOT NULL,
    queue TEXT    NOT NULL,
    ended INTEGER NOT NULL,
    wait  INTEGER NOT NULL,                       -- from due to the last start, all together
    PRIMARY KEY (at, queue)
) WITHOUT ROWID;

CREATE TABLE schedules (
    name           TEXT PRIMARY KEY,
    every          INTEGER,
    cron           TEXT,
    zone           TEXT    NOT NULL,
    job            TEXT    NOT NULL,              -- JSON
    catch_up       INTEGER NOT NULL,
    catch_up_limit INTEGER NOT NULL,
    overlap        INTEGER NOT NULL,
    jitter         INTEGER NOT NULL,
    paused         INTEGER NOT NULL,
    revision       INTEGER NOT NULL,
    next_at        INTEGER,
    last_tick_at   INTEGER,
    last_job_id    INTEGER,
    ticks          INTEGER NOT NULL DEFAULT 0,
    skipped        INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- The names of the jobs that a node has handlers for, separated by commas.
ALTER TABLE nodes ADD COLUMN job_names TEXT NOT NULL DEFAULT '';
