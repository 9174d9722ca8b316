-- The tables of a cluster in PostgreSQL: claims of resources, and the list of nodes.
--
--   psql -U yate -d yate -f clustering.pgsql.sql
--
-- Then set up an account in pgsqldb.conf, name it in clustering.conf, on all nodes: [locate] account=NAME for claims,
-- [cluster] account=NAME for the list of nodes. Restart the engine, which reads pgsqldb.conf only when it starts. An
-- example is in the documentation of [locate]. If another user made the tables, the one that the account connects as
-- needs to read and write them:
--
--   GRANT SELECT, INSERT, UPDATE, DELETE ON cluster_resources, cluster_nodes, cluster_heartbeats TO yate;
--   GRANT USAGE, UPDATE ON SEQUENCE cluster_nodes_number TO yate;
--
-- This file can be run again without harm. It has no queries: those are defaults of the module, see [locate] in its
-- documentation. They are atomic at the isolation level READ COMMITTED, which is the default; at a stricter one two
-- nodes that claim a resource at the same time get an error instead of an answer.

CREATE TABLE IF NOT EXISTS cluster_resources (
    -- Names are in printable ASCII, with percent codes for all else, so that neither the encoding nor the
    -- locale of the database makes a difference.
    resource text COLLATE "C" PRIMARY KEY,
    node     text COLLATE "C" NOT NULL,
    -- When the lease ends unless it is used, in seconds since 1970 on the clock of the node that used it last.
    expires  bigint NOT NULL
)
-- The pages have room for renewed leases, so no index is written. Therefore 'expires' has no index.
WITH (fillfactor = 70);

-- The resources of a node: SELECT resource FROM cluster_resources WHERE node = 'node1';
CREATE INDEX IF NOT EXISTS cluster_resources_node ON cluster_resources (node);

-- Clean-up. A claim whose lease has ended has no effect, its row only takes space. So once a day is enough, by cron or
-- pg_cron. The clean-up may run at any time, also while resources are claimed:
--
--   DELETE FROM cluster_resources WHERE expires < extract(epoch FROM now()) - 3600;

-- The list of nodes. Each node writes its own row; 'admin' is what operators want of it: enabled, draining, disabled or
-- forgotten. The other columns are those of a [node NAME] section. Texts are in printable ASCII, with percent codes for
-- all else, and for % ' \ and |. A row may be changed by hand: all nodes have it within one poll.
CREATE TABLE IF NOT EXISTS cluster_nodes (
    name       text COLLATE "C" PRIMARY KEY,
    admin      text NOT NULL DEFAULT 'enabled',
    callto     text NOT NULL DEFAULT '',
    transport  text NOT NULL DEFAULT '',
    weight     text NOT NULL DEFAULT '',
    source     text NOT NULL DEFAULT '',
    probe      text NOT NULL DEFAULT '',
    capacity   text NOT NULL DEFAULT '',
    backup     text NOT NULL DEFAULT '',
    -- Of the module on that node, and the hashes of those of its settings that must be the same on all nodes.
    version    text NOT NULL DEFAULT '',
    settings   text NOT NULL DEFAULT '',
    -- The process that wrote the row, and the name that the node had when it ran before, where it had another.
    process    text NOT NULL DEFAULT '',
    former     text NOT NULL DEFAULT '',
    -- A new number for each change: a node asks for what is newer than it knows.
    generation bigint NOT NULL DEFAULT 0,
    -- All of it, as nodes read it: made once when it is written, not each time that a node asks.
    definition text GENERATED ALWAYS AS (
        generation::text || '|' || name || '|' || admin || '|' || callto || '|' || transport || '|' ||
        weight || '|' || source || '|' || probe || '|' || capacity || '|' || backup || '|' || version || '|' ||
        settings || '|' || process || '|' || former
    ) STORED
);
CREATE INDEX IF NOT EXISTS cluster_nodes_generation ON cluster_nodes (generation);

-- The last generation. No number is used again, even if its row is deleted: nodes would take the change for one that they
-- know.
CREATE SEQUENCE IF NOT EXISTS cluster_nodes_number OWNED BY cluster_nodes.generation;

-- Generations are in the order in which changes are committed: one change at a time gets one. The lock is taken before
-- any row is, so that two changes can't wait for each other.
CREATE OR REPLACE FUNCTION cluster_nodes_lock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock('cluster_nodes'::regclass::oid::bigint);
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION cluster_nodes_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Where the table was restored without the sequence the rows know better.
    NEW.generation := setval('cluster_nodes_number', greatest(nextval('cluster_nodes_number'),
        (SELECT max(generation) + 1 FROM cluster_nodes)));
    RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS cluster_nodes_lock ON cluster_nodes;
CREATE TRIGGER cluster_nodes_lock BEFORE INSERT OR UPDATE ON cluster_nodes
    FOR EACH STATEMENT EXECUTE FUNCTION cluster_nodes_lock();
DROP TRIGGER IF EXISTS cluster_nodes_number ON cluster_nodes;
CREATE TRIGGER cluster_nodes_number BEFORE INSERT OR UPDATE ON cluster_nodes
    FOR EACH ROW EXECUTE FUNCTION cluster_nodes_number();

-- Heartbeats: when a node was last seen, in seconds since 1970, the time when that is too long ago, the nodes that it finds
-- down (each between two bars), and its load: the channels of its engine, the resources that it has claimed, up to 100,000,
-- and the registrations that it knows by their connections.
CREATE TABLE IF NOT EXISTS cluster_heartbeats (
    name          text COLLATE "C" PRIMARY KEY,
    seen          bigint NOT NULL,
    expires       bigint NOT NULL DEFAULT 0,
    down          text COLLATE "C" NOT NULL DEFAULT '',
    channels      bigint,
    rooms         bigint,
    registrations bigint
)
WITH (fillfactor = 50);
