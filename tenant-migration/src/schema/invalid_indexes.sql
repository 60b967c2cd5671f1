SELECT format('%I.%I', space.nspname, class.relname) AS name
FROM pg_catalog.pg_namespace AS space
-- There is no index on the tables of a schema, but one on what depends on it.
JOIN pg_catalog.pg_depend AS part ON part.refclassid = 'pg_catalog.pg_namespace'::regclass
    AND part.refobjid = space.oid AND part.classid = 'pg_catalog.pg_class'::regclass
JOIN pg_catalog.pg_index AS index ON index.indrelid = part.objid
JOIN pg_catalog.pg_class AS class ON class.oid = index.indexrelid
WHERE NOT index.indisvalid AND class.relkind = 'i' AND space.nspname = $1
ORDER BY 1
