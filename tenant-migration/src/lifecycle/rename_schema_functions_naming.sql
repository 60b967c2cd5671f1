SELECT 'function ' || proc.oid::regprocedure::text
FROM pg_catalog.pg_proc AS proc JOIN pg_catalog.pg_namespace AS space ON space.oid = pronamespace
WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', $2::text)
    AND prosrc ~* ('(^|[^[:alnum:]_$-])"?' || $1::text || '"?[[:space:]]*[.]')
ORDER BY 1
