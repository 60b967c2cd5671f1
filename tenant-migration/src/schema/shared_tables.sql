WITH written AS (SELECT pg_catalog.json_array_elements_text($2::json) AS name),
ours AS (
    SELECT oid, relkind, relname::text AS name, pg_catalog.format('public.%I', relname) AS quoted
    FROM pg_catalog.pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        AND pg_catalog.pg_has_role(relowner, 'USAGE')
)
SELECT pg_catalog.format(
    'REVOKE ALL ON TABLE %1$s FROM %2$I; GRANT %3$s ON TABLE %1$s TO %2$I', quoted, $1::text,
    CASE WHEN name IN (TABLE written) THEN 'SELECT, INSERT, UPDATE, DELETE' ELSE 'SELECT' END
)
FROM ours WHERE relkind <> 'S' AND name <> $3::text
UNION ALL
SELECT pg_catalog.format('REVOKE ALL ON TABLE %s FROM %I', quoted, $1::text)
FROM ours WHERE relkind <> 'S' AND name = $3::text
UNION ALL
SELECT pg_catalog.format('GRANT USAGE, SELECT ON SEQUENCE %s TO %I', ours.quoted, $1::text)
FROM ours
JOIN pg_catalog.pg_depend ON classid = 'pg_class'::regclass AND objid = ours.oid
    AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i')
JOIN ours AS owner ON owner.oid = refobjid
WHERE ours.relkind = 'S' AND owner.name IN (TABLE written)
