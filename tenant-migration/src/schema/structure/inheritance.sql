-- Tables of the schema $1 that inherit, without partitions.
--
-- Which columns and checks are inherited, and the order of columns, depend on how a table was made. So these tables are made
-- empty, parents first. Then each column is added to the table that has it as its own, and PostgreSQL adds it to the children.
, inheritance AS MATERIALIZED (
    SELECT inhrelid AS child, inhparent AS parent, inhseqno
    FROM relations JOIN pg_inherits ON inhrelid = relations.oid WHERE relkind = 'r' AND NOT relispartition
),
generations (table_oid, generation) AS (
    SELECT parent, 0 FROM inheritance
    UNION
    SELECT child, generation + 1 FROM generations JOIN inheritance ON parent = table_oid
),
-- Parents and children. A child has a higher generation than its parents.
families AS MATERIALIZED (
    SELECT table_oid, max(generation) AS generation,
        -- The node of the NOT NULL constraints, as if they were one more column than a table can have.
        1601::bigint AS not_null_part
    FROM generations GROUP BY table_oid
),
family_columns AS MATERIALIZED (
    SELECT table_oid, attname, attnum, attislocal, attgenerated,
        (attnum::bigint << 48) + ('pg_class'::regclass::oid::bigint << 32) + table_oid::bigint AS node
    FROM families JOIN pg_attribute ON attrelid = table_oid AND attnum > 0 AND NOT attisdropped
),
-- The node that makes each column: its own, or that of the first parent with this column.
made_columns AS (
    SELECT table_oid, attname, attnum, node FROM family_columns WHERE attislocal
    UNION ALL
    SELECT inherited.table_oid, inherited.attname, inherited.attnum, made.node
    FROM made_columns AS made JOIN inheritance ON parent = made.table_oid
    JOIN family_columns AS inherited ON inherited.table_oid = child AND inherited.attname = made.attname
    WHERE NOT inherited.attislocal AND inhseqno = (
        SELECT min(other.inhseqno)
        FROM inheritance AS other JOIN family_columns AS of_parent ON of_parent.table_oid = other.parent
        WHERE other.child = inherited.table_oid AND of_parent.attname = inherited.attname
    )
)
