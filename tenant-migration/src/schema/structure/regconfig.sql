-- Queries that have a row if a row of the schema $1 refers to a text search configuration of the schema: one for each column that
-- may. The first column is the name of that column.
SELECT relations.oid::regclass || '.' || quote_ident(attname),
    format('SELECT 1::text FROM ONLY %I.%I WHERE EXISTS (
        SELECT FROM pg_catalog.pg_ts_config WHERE cfgnamespace = %s AND oid = ANY (%s))',
        nspname, relname, space.oid,
        CASE atttypid WHEN 'regconfig'::regtype THEN format('ARRAY[%I::oid]', attname) ELSE format('%I::oid[]', attname) END)
FROM space CROSS JOIN relations JOIN pg_attribute ON attrelid = relations.oid AND attnum > 0 AND NOT attisdropped
JOIN pg_type AS type ON type.oid = atttypid
WHERE relkind = 'r' AND EXISTS (SELECT FROM search_configurations)
    AND ARRAY[atttypid, typelem, typbasetype] && ARRAY['regconfig']::regtype[]::oid[]
ORDER BY 1
