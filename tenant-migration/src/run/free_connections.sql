SELECT least(
    current_setting('max_connections')::int8 - current_setting('superuser_reserved_connections')::int8
        - count(*) - $1::int8,
    (SELECT CASE WHEN rolconnlimit >= 0 AND NOT rolsuper THEN rolconnlimit END
        FROM pg_catalog.pg_roles WHERE rolname = session_user) - count(*) FILTER (WHERE usename = session_user),
    (SELECT CASE WHEN datconnlimit >= 0 AND NOT rolsuper THEN datconnlimit END
        FROM pg_catalog.pg_database, pg_catalog.pg_roles
        WHERE datname = current_database() AND rolname = session_user)
        - count(*) FILTER (WHERE datname = current_database())
) AS free
FROM pg_catalog.pg_stat_activity WHERE usesysid IS NOT NULL
