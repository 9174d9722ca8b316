-- Sticky placement in SQLite: the table of claims. For several nodes on one host; SQLite needs a local file system,
-- so nodes on several hosts need PostgreSQL.
--
-- In sqlitedb.conf of each node, with the same file:
--
--   [cluster]
--   database=/var/lib/yate/cluster.sqlite
--   initialize=@${configpath}/clustering.sqlite.sql
--
-- and in clustering.conf: [locate] account=cluster. It is run whenever a node opens the file, without harm to what is
-- there. There are no queries in it: those are defaults of the module, see [locate] in its documentation.

-- Nodes read while another one writes, and wait for each other in the statements themselves. Without this a node that
-- reads makes others fail, and a statement may be done twice. It must be less than 'timeout' in [locate].
PRAGMA busy_timeout = 400;
PRAGMA journal_mode = WAL;
-- What a power failure may cost is the last claims.
PRAGMA synchronous = NORMAL;

CREATE TABLE IF NOT EXISTS cluster_resources (
    -- Names are in printable ASCII, with percent codes for all else.
    resource TEXT NOT NULL PRIMARY KEY,
    node     TEXT NOT NULL,
    -- When the lease ends unless it is used, in seconds since 1970.
    expires  INTEGER NOT NULL
) WITHOUT ROWID;

-- Clean-up. A claim whose lease ended counts for nothing, its row only takes room; so once a day is enough, by cron and
-- the sqlite3 program, at any time:
--
--   DELETE FROM cluster_resources WHERE expires < CAST(strftime('%s', 'now') AS INTEGER) - 3600;

-- What is on a node: SELECT resource FROM cluster_resources WHERE node = 'node1';
-- This statement is the last thing in the file, since Yate takes a comment behind it for an empty statement and complains.
CREATE INDEX IF NOT EXISTS cluster_resources_node ON cluster_resources (node);
