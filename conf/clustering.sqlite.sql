-- The tables of a cluster in SQLite: claims of resources, and the list of nodes. For several nodes on one host; SQLite needs a local file system,
-- so nodes on several hosts need PostgreSQL.
--
-- In sqlitedb.conf of each node, with the same file:
--
--   [cluster]
--   database=/var/lib/yate/cluster.sqlite
--   initialize=@${configpath}/clustering.sqlite.sql
--
-- and in clustering.conf: [locate] account=cluster for claims, [cluster] account=cluster for the list of nodes. This file is run whenever a node opens the database, without harm to
-- the data. It has no queries: those are defaults of the module, see [locate] in its documentation.

-- With these settings nodes can read while another one writes, and wait for each other within a statement. Without them a
-- node that reads makes others fail, and a statement may be done twice. The timeout must be less than 'timeout' in [locate].
PRAGMA busy_timeout = 400;
PRAGMA journal_mode = WAL;
-- A power failure may cost the last claims.
PRAGMA synchronous = NORMAL;

-- Claims: the node that has a resource.
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
CREATE INDEX IF NOT EXISTS cluster_resources_node ON cluster_resources (node);

-- The list of nodes. Each node writes its own row; 'admin' is what operators want of it: enabled, draining, disabled or
-- forgotten. The other columns are those of a [node NAME] section. Texts are in printable ASCII, with percent codes for
-- all else, and for % ' \ and |. A row may be changed by hand: all nodes have it within one poll.
CREATE TABLE IF NOT EXISTS cluster_nodes (
    name       TEXT NOT NULL PRIMARY KEY,
    admin      TEXT NOT NULL DEFAULT 'enabled',
    callto     TEXT NOT NULL DEFAULT '',
    transport  TEXT NOT NULL DEFAULT '',
    weight     TEXT NOT NULL DEFAULT '',
    source     TEXT NOT NULL DEFAULT '',
    probe      TEXT NOT NULL DEFAULT '',
    capacity   TEXT NOT NULL DEFAULT '',
    backup     TEXT NOT NULL DEFAULT '',
    -- Of the module on that node, and the hashes of those of its settings that must be the same on all nodes.
    version    TEXT NOT NULL DEFAULT '',
    settings   TEXT NOT NULL DEFAULT '',
    -- The process that wrote the row, and the name that the node had when it ran before, where it had another.
    process    TEXT NOT NULL DEFAULT '',
    former     TEXT NOT NULL DEFAULT '',
    -- A new number for each change: a node asks for what is newer than it knows.
    generation INTEGER NOT NULL DEFAULT 0,
    -- All of it, as nodes read it: made once when it is written, not each time that a node asks.
    definition TEXT GENERATED ALWAYS AS (
        generation || '|' || name || '|' || admin || '|' || callto || '|' || transport || '|' ||
        weight || '|' || source || '|' || probe || '|' || capacity || '|' || backup || '|' || version || '|' ||
        settings || '|' || process || '|' || former
    ) STORED
);
CREATE INDEX IF NOT EXISTS cluster_nodes_generation ON cluster_nodes (generation);

-- The last generation, in one row. No number is used again, even if its row is deleted: nodes would take the change for one
-- that they know.
CREATE TABLE IF NOT EXISTS cluster_nodes_number AS SELECT coalesce(max(generation), 0) AS generation FROM cluster_nodes;
CREATE TRIGGER IF NOT EXISTS cluster_nodes_added AFTER INSERT ON cluster_nodes BEGIN
    UPDATE cluster_nodes_number SET generation = generation + 1;
    UPDATE cluster_nodes SET generation = (SELECT generation FROM cluster_nodes_number) WHERE name = NEW.name;
END;
CREATE TRIGGER IF NOT EXISTS cluster_nodes_changed
AFTER UPDATE OF admin, callto, transport, weight, source, probe, capacity, backup, version, settings, process, former
ON cluster_nodes BEGIN
    UPDATE cluster_nodes_number SET generation = generation + 1;
    UPDATE cluster_nodes SET generation = (SELECT generation FROM cluster_nodes_number) WHERE name = NEW.name;
END;

-- Heartbeats: when a node was last seen, in seconds since 1970, the time when that is too long ago, the nodes that it finds
-- down (each between two bars), and its load: the channels of its engine, the resources that it has claimed, up to 100,000,
-- and the registrations that it knows by their connections.
-- This statement is the last thing in the file, since Yate takes a comment behind it for an empty statement and complains.
CREATE TABLE IF NOT EXISTS cluster_heartbeats (
    name          TEXT NOT NULL PRIMARY KEY,
    seen          INTEGER NOT NULL,
    expires       INTEGER NOT NULL DEFAULT 0,
    down          TEXT NOT NULL DEFAULT '',
    channels      INTEGER,
    rooms         INTEGER,
    registrations INTEGER
) WITHOUT ROWID;
