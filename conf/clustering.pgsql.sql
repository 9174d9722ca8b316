-- Sticky placement in PostgreSQL: the table of claims.
--
--   psql -U yate -d yate -f clustering.pgsql.sql
--
-- Then set up an account in pgsqldb.conf, name it in clustering.conf, on all nodes: [locate] account=NAME, and restart the
-- engine, which reads pgsqldb.conf only when it starts. An example is in the documentation of [locate]. If another
-- user made the table, the one that the account connects as needs to read and write it:
--
--   GRANT SELECT, INSERT, UPDATE, DELETE ON cluster_resources TO yate;
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
