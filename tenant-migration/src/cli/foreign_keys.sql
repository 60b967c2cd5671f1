SELECT
    owner.relname AS table_name,
    key.conname AS name,
    (
        SELECT json_agg(attname ORDER BY place)::text FROM unnest(conkey) WITH ORDINALITY AS number (attnum, place)
        JOIN pg_catalog.pg_attribute AS attribute ON attrelid = conrelid AND attribute.attnum = number.attnum
    ) AS columns,
    space.nspname AS ref_schema,
    target.relname AS ref_table,
    (
        SELECT json_agg(attname ORDER BY place)::text FROM unnest(confkey) WITH ORDINALITY AS number (attnum, place)
        JOIN pg_catalog.pg_attribute AS attribute ON attrelid = confrelid AND attribute.attnum = number.attnum
    ) AS ref_columns,
    confupdtype::text AS on_update,
    confdeltype::text AS on_delete
FROM pg_catalog.pg_constraint AS key
JOIN pg_catalog.pg_class AS owner ON owner.oid = conrelid
JOIN pg_catalog.pg_class AS target ON target.oid = confrelid
JOIN pg_catalog.pg_namespace AS space ON space.oid = target.relnamespace
WHERE contype = 'f' AND conparentid = 0 AND owner.relnamespace = $1::regnamespace
ORDER BY 1, 2
