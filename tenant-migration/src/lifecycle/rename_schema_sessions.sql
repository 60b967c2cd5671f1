SELECT DISTINCT CASE WHEN lock.pid IS NULL THEN 'a prepared transaction'
    ELSE format('session %s of user %s', lock.pid, coalesce(usename, '?')) END
FROM pg_catalog.pg_locks AS lock
JOIN pg_catalog.pg_class AS class ON class.oid = lock.relation
JOIN pg_catalog.pg_namespace AS space ON space.oid = class.relnamespace
LEFT JOIN pg_catalog.pg_stat_activity AS activity ON activity.pid = lock.pid
WHERE lock.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
    AND nspname = $1 AND lock.pid IS DISTINCT FROM pg_backend_pid()
    AND NOT (activity.pid IS NOT NULL AND activity.usesysid IS NULL)
ORDER BY 1 LIMIT 10
