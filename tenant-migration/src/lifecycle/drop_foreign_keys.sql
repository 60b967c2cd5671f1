-- Commands that drop the foreign keys of the schema $1 to other schemas: one command for each of at most $2 tables.
SELECT pg_catalog.format('ALTER TABLE %I.%I %s', $1, class.relname,
    string_agg(pg_catalog.format('DROP CONSTRAINT IF EXISTS %I', key.conname), ', '))
FROM pg_catalog.pg_namespace AS space
-- pg_class has no index on the schema, but pg_depend has one on the referenced object.
JOIN pg_catalog.pg_depend AS content ON content.refclassid = 'pg_namespace'::regclass AND content.refobjid = space.oid
    AND content.classid = 'pg_class'::regclass
JOIN pg_catalog.pg_class AS class ON class.oid = content.objid
JOIN pg_catalog.pg_constraint AS key ON key.conrelid = class.oid
JOIN pg_catalog.pg_class AS other ON other.oid = key.confrelid
WHERE space.nspname = $1 AND key.contype = 'f' AND key.conparentid = 0 AND other.relnamespace <> space.oid
GROUP BY class.relname ORDER BY class.relname LIMIT $2
