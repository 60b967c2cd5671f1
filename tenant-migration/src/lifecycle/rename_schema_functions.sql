SELECT proc.oid::int8, substr(setting, length('search_path=') + 1)
FROM pg_catalog.pg_proc AS proc
JOIN pg_catalog.pg_namespace AS space ON space.oid = pronamespace
CROSS JOIN unnest(proconfig) AS setting
WHERE nspname = $1 AND setting LIKE 'search\_path=%'
ORDER BY proc.oid
