-- Commands that drop at most $2 objects of the schema $1. Objects with few dependents come first. Members of extensions are
-- dropped with the schema.
WITH content AS MATERIALIZED (
    -- The catalogs have no index on the schema, but pg_depend has one on the referenced object.
    SELECT classid, objid FROM pg_catalog.pg_depend
    WHERE refclassid = 'pg_namespace'::regclass
        AND refobjid = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1)
)
SELECT pg_catalog.format('DROP %s IF EXISTS %s', kind, name)
FROM (
    SELECT CASE WHEN relkind IN ('v', 'm') THEN 1 WHEN relispartition THEN 2 WHEN relkind = 'S' THEN 4 ELSE 3 END AS place,
        classid, objid,
        CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
            WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END AS kind,
        pg_catalog.format('%I.%I', $1, relname) AS name
    FROM content JOIN pg_catalog.pg_class AS class ON class.oid = objid
    WHERE classid = 'pg_class'::regclass AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT 5, classid, objid, 'ROUTINE', objid::regprocedure::text
    FROM content JOIN pg_catalog.pg_proc AS proc ON proc.oid = objid WHERE classid = 'pg_proc'::regclass
    UNION ALL
    SELECT 6, classid, objid, 'TYPE', pg_catalog.format('%I.%I', $1, typname)
    FROM content JOIN pg_catalog.pg_type AS type ON type.oid = objid
    WHERE classid = 'pg_type'::regclass AND typtype IN ('c', 'e', 'd', 'r')
) AS object
WHERE NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend AS owner
    WHERE owner.classid = object.classid AND owner.objid = object.objid
        -- A sequence that belongs to a table is dropped with the table, and cannot be dropped before it.
        AND (deptype = 'e' OR kind = 'SEQUENCE' AND deptype IN ('a', 'i'))
)
ORDER BY place, name LIMIT $2
