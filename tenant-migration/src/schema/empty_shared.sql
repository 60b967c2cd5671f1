DO $empty$
DECLARE command text;
BEGIN
    FOR command IN
        WITH object AS (
            -- A table takes its own sequences with it, and does not let them go before.
            SELECT CASE relkind WHEN 'S' THEN 2 ELSE 1 END AS place, 'pg_class'::regclass AS catalog, oid,
                CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                    WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END AS kind,
                pg_catalog.format('public.%I', relname) AS name
            FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
            UNION ALL
            SELECT 3, 'pg_proc'::regclass, oid, 'ROUTINE', oid::regprocedure::text
            FROM pg_proc WHERE pronamespace = 'public'::regnamespace
            UNION ALL
            SELECT 4, 'pg_type'::regclass, type.oid, 'TYPE', pg_catalog.format('public.%I', typname)
            FROM pg_type AS type LEFT JOIN pg_class AS class ON class.oid = typrelid
            WHERE typnamespace = 'public'::regnamespace AND (typtype IN ('e', 'd', 'r') OR class.relkind = 'c')
        )
        SELECT pg_catalog.format('DROP %s IF EXISTS %s CASCADE', kind, name) FROM object
        WHERE NOT EXISTS (
            SELECT FROM pg_depend
            WHERE classid = object.catalog AND objid = object.oid AND deptype = 'e'
        )
        ORDER BY place
    LOOP
        EXECUTE command;
    END LOOP;
END
$empty$
