-- Sticky placement in SQLite: the table of claims. For several nodes on one host; SQLite needs a local file system,
-- so nodes on several hosts need PostgreSQL.
--
-- In sqlitedb.conf of each node, with the same file:
--
--   [cluster]
--   database=/var/lib/yate/cluster.sqlite
--   initialize=@${configpath}/clustering.sqlite.sql
--
-- and in clustering.conf: [locate] account=cluster. This file is run whenever a node opens the database, without harm to
-- the data. It has no queries: those are defaults of the module, see [locate] in its documentation.

-- With these settings nodes can read while another one writes, and wait for each other within a statement. Without them a
-- node that reads makes others fail, and a statement may be done twice. The timeout must be less than 'timeout' in [locate].
PRAGMA busy_timeout = 400;
PRAGMA journal_mode = WAL;
-- A power failure may cost the last claims.
PRAGMA synchronous = NORMAL;

CREATE TABLE IF NOT EXISTS cluster_resources (
    -- Names are in printable ASCII, with percent codes for all else.
    resource TEXT NOT NULL PRIMARY KEY,
    node     TEXT NOT NULL,
    -- When the lease ends unless it is used, in seconds since 1970.
    expires  INTEGER NOT NULL
) WITHOUT ROWID;

-- Clean-up. A claim whose lease has ended has no effect, its row only takes space. So once a day is enough, by cron and
-- the sqlite3 program, at any time:
--
--   DELETE FROM cluster_resources WHERE expires < CAST(strftime('%s', 'now') AS INTEGER) - 3600;

-- The resources of a node: SELECT resource FROM cluster_resources WHERE node = 'node1';
-- This statement is the last thing in the file, since Yate takes a comment behind it for an empty statement and complains.
CREATE INDEX IF NOT EXISTS cluster_resources_node ON cluster_resources (node);
