SELECT proc.oid::regprocedure::text
FROM pg_catalog.pg_proc AS proc JOIN pg_catalog.pg_namespace AS space ON space.oid = pronamespace
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    AND prosrc ~* ('(^|[^[:alnum:]_$-])"?' || $1::text || '"?[[:space:]]*[.]')
ORDER BY 1
