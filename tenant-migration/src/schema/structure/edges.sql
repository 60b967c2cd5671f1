-- Which node needs which other one.
, table_nodes AS (
    SELECT table_oid, node, (not_null_part << 48) + node AS not_null_node
    FROM families CROSS JOIN LATERAL (SELECT ('pg_class'::regclass::oid::bigint << 32) + table_oid::bigint) AS nodes (node)
),
edges (node, needs) AS (
    -- A serial column's sequence needs the column only to be owned by it, which comes last.
    SELECT (dependent.node_class::bigint << 32) + dependent.node_oid::bigint,
        (needed.node_class::bigint << 32) + needed.node_oid::bigint
    FROM known AS dependent
    JOIN pg_depend AS depend ON depend.classid = dependent.classid AND depend.objid = dependent.objid
    JOIN known AS needed ON depend.refclassid = needed.classid AND depend.refobjid = needed.objid
    WHERE NOT (
            depend.deptype = 'a' AND depend.refobjsubid > 0
            AND depend.classid = 'pg_class'::regclass
            AND EXISTS (SELECT FROM relations WHERE relations.oid = depend.objid AND relkind = 'S')
        )
    UNION
    -- A NOT NULL constraint of a parent merges with that of a child, which may have another name.
    SELECT of_parent.not_null_node, of_child.not_null_node
    FROM inheritance JOIN table_nodes AS of_parent ON of_parent.table_oid = parent
    JOIN table_nodes AS of_child ON of_child.table_oid = child
    UNION
    SELECT not_null_node, made.node FROM table_nodes JOIN made_columns AS made USING (table_oid)
    UNION
    SELECT node, not_null_node FROM table_nodes
    UNION
    -- Columns have an order.
    SELECT node, lag(node) OVER (PARTITION BY table_oid ORDER BY attnum) FROM made_columns
    UNION
    -- A column that a child has already merges with the parent's.
    SELECT of_parent.node, of_child.node
    FROM inheritance JOIN made_columns AS of_parent ON of_parent.table_oid = parent
    JOIN made_columns AS of_child ON of_child.table_oid = child AND of_child.attname = of_parent.attname
    UNION
    -- A column needs its type, and a generated one the columns and functions in its expression.
    SELECT own.node, coalesce(made.node, (known.node_class::bigint << 32) + known.node_oid::bigint)
    FROM family_columns AS own CROSS JOIN LATERAL (
        SELECT refclassid, refobjid, refobjsubid FROM pg_depend
        WHERE classid = 'pg_class'::regclass AND objid = table_oid AND objsubid = attnum
        UNION ALL
        SELECT refclassid, refobjid, refobjsubid FROM defaults JOIN pg_depend ON objid = defaults.oid
        WHERE classid = 'pg_attrdef'::regclass AND adrelid = table_oid AND adnum = attnum AND attgenerated <> ''
    ) AS depend
    LEFT JOIN made_columns AS made
        ON refclassid = 'pg_class'::regclass AND made.table_oid = refobjid AND made.attnum = refobjsubid
    LEFT JOIN known ON known.classid = refclassid AND known.objid = refobjid
    WHERE attislocal
)
SELECT DISTINCT node, needs FROM edges WHERE node <> needs
