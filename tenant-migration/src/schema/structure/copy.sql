-- The statements that copy the rows of the schema $1 into tables of the same names where the session stands: first those
-- that name objects by their numbers, which cannot be. $2 is the only table whose rows are wanted, if it is one.
--
-- The types of the schema are others in the copy, and values go from one to the other as text. A text search configuration of
-- PostgreSQL's own, or of another schema, is the same in the copy: `regconfig.sql` finds those of this schema.
, columns AS (
    SELECT relations.oid AS table_oid, attname, attnum, format_type(atttypid, atttypmod) AS type,
        atttypid IN (SELECT oid FROM types) AS is_own, type.typelem, type.typbasetype, atttypid
    FROM relations JOIN pg_attribute ON attrelid = relations.oid
    JOIN pg_type AS type ON type.oid = atttypid
    WHERE relkind = 'r' AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND relname = coalesce($2::text, relname)
),
lists AS (
    SELECT table_oid, string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS names,
        string_agg(CASE WHEN is_own THEN format('%I::text::%s', attname, type) ELSE quote_ident(attname) END, ', '
            ORDER BY attnum) AS values
    FROM columns GROUP BY table_oid
)
SELECT 'column ' || table_oid::regclass || '.' || quote_ident(attname) || ' has the numbers of objects' AS refused, NULL AS sql
FROM columns
WHERE $2::text IS NULL AND ARRAY[atttypid, typelem, typbasetype] && ARRAY[
    'oid', 'regclass', 'regcollation', 'regdictionary', 'regnamespace', 'regoper', 'regoperator',
    'regproc', 'regprocedure', 'regtype'
]::regtype[]::oid[]
UNION ALL
(
    SELECT NULL, format('INSERT INTO %s ', quote_ident(relname)) || CASE
            WHEN names IS NULL THEN format('SELECT FROM ONLY %I.%I', nspname, relname)
            ELSE format('(%s) OVERRIDING SYSTEM VALUE SELECT %s FROM ONLY %I.%I', names, values, nspname, relname)
        END
    FROM space CROSS JOIN relations LEFT JOIN lists ON table_oid = relations.oid
    WHERE relkind = 'r' AND relname = coalesce($2::text, relname)
    ORDER BY relname COLLATE "C"
)
UNION ALL
(
    SELECT NULL, format('SELECT setval(%L, last_value, is_called) FROM %I.%I', quote_ident(relname), nspname, relname)
    FROM space CROSS JOIN relations WHERE relkind = 'S' AND $2::text IS NULL
    ORDER BY relname COLLATE "C"
)
