"""The journal's tables. `PRAGMA user_version` is the version; a journal of another version is refused."""

VERSION = 4

SCHEMA = """
CREATE TABLE sessions (            -- one row a driver: `egg run` is the first, every `egg resume` one more
    id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, host TEXT NOT NULL, started REAL NOT NULL,
    ended REAL, why TEXT, elapsed REAL,  -- null when the driver was killed; elapsed is seconds of search
    survey TEXT                    -- JSON: baselines in milliseconds, why some failed, notes on the problem
);
CREATE TABLE steps (               -- decided, then planned (drafts and jobs are known), then done
    number INTEGER PRIMARY KEY, operator TEXT NOT NULL, author TEXT NOT NULL, step TEXT NOT NULL,
    planned INTEGER NOT NULL DEFAULT 0, elapsed REAL,  -- seconds of search when it was done; null before
    timings TEXT,                  -- JSON: seconds by author, build, run, engine
    cost REAL,                     -- what it cost the campaign, in seconds: what the scheduler was told
    idle TEXT,                     -- JSON: who could be given work when it was chosen; null: everybody
    wanted INTEGER,                -- how many configurations a study was asked for
    archive TEXT                   -- digest of the archive when it was done
);
CREATE TABLE events (              -- in the order in which they counted: what a resumed campaign is told again
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, step INTEGER NOT NULL REFERENCES steps, position INTEGER,
    session INTEGER REFERENCES sessions, digest TEXT NOT NULL  -- of what it says, see digests.py
);
CREATE TABLE candidates (id TEXT PRIMARY KEY, dialect TEXT NOT NULL, source TEXT NOT NULL);
CREATE TABLE drafts (              -- what authors proposed; `reason` is set where it was refused
    step INTEGER NOT NULL REFERENCES steps, position INTEGER NOT NULL, candidate TEXT REFERENCES candidates,
    signature TEXT, change TEXT NOT NULL, operator TEXT NOT NULL, author TEXT NOT NULL, parent TEXT,
    principles TEXT NOT NULL, reason TEXT, source TEXT,
    model TEXT NOT NULL,           -- that wrote it, where the author asks models
    PRIMARY KEY (step, position)
);
CREATE TABLE evaluations (         -- one configuration to judge; `verdict` is null until it was
    step INTEGER NOT NULL REFERENCES steps, position INTEGER NOT NULL,
    candidate TEXT NOT NULL REFERENCES candidates, configuration TEXT NOT NULL, effort TEXT NOT NULL,
    outcome TEXT, ms REAL, precision TEXT, verdict TEXT, at REAL, PRIMARY KEY (step, position)
);
CREATE TABLE certified (           -- the result: judged again in full, with fresh seeds, when the search ended
    candidate TEXT NOT NULL REFERENCES candidates, configuration TEXT NOT NULL, verdict TEXT NOT NULL,
    session INTEGER NOT NULL REFERENCES sessions, digest TEXT NOT NULL, PRIMARY KEY (candidate, configuration)
);
"""
