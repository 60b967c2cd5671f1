-- What the transaction did apart from making what the schema $1 has, in words: $2 is `counters.sql` of before, and $3 the
-- tables of the catalog.
, top AS (SELECT pg_current_xact_id()::text::bigint AS id),
was AS (SELECT * FROM jsonb_to_recordset($2::jsonb) AS was (oid bigint, writes bigint, scans bigint)),
counted AS (
    SELECT nspname, relname, class.oid, now.writes > coalesce(was.writes, 0) AS is_written,
        now.scans > coalesce(was.scans, 0) AS is_read
    FROM counters AS now JOIN pg_class AS class ON class.oid = now.oid
    JOIN pg_namespace AS space ON space.oid = relnamespace
    LEFT JOIN was ON was.oid = now.oid::bigint
    WHERE nspname NOT IN ($1, 'pg_toast')
),
-- Rows are seen while their transaction is in progress by that transaction only, subtransactions and all.
dependents AS (
    SELECT classid, objid, objsubid FROM pg_depend CROSS JOIN top
    WHERE CASE WHEN age(pg_depend.xmin) <= 0
        THEN pg_xact_status((id - age(pg_depend.xmin))::text::xid8) = 'in progress' ELSE false END
    UNION ALL
    SELECT classid, objid, objsubid FROM pg_shdepend CROSS JOIN top
    WHERE CASE WHEN age(pg_shdepend.xmin) <= 0
        THEN pg_xact_status((id - age(pg_shdepend.xmin))::text::xid8) = 'in progress' ELSE false END
        AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
),
traces (text) AS (
    SELECT 'statistics are off (track_counts), so what migrations wrote is not known'
    WHERE current_setting('track_counts') <> 'on'
    UNION ALL
    SELECT format('migrations write %I.%I', nspname, relname) FROM counted
    WHERE is_written AND NOT (nspname = 'pg_catalog' AND relname IN (
        'pg_class', 'pg_attribute', 'pg_attrdef', 'pg_type', 'pg_enum', 'pg_proc', 'pg_depend', 'pg_shdepend', 'pg_constraint',
        -- Those that are not made again are told by their own names, when the schema is read.
        'pg_index', 'pg_inherits', 'pg_partitioned_table', 'pg_range', 'pg_aggregate', 'pg_operator', 'pg_statistic_ext',
        'pg_statistic_ext_data', 'pg_sequence', 'pg_trigger', 'pg_rewrite', 'pg_policy', 'pg_description', 'pg_statistic'
    ))
    UNION ALL
    -- A foreign key or a view may be checked against what it refers to.
    SELECT format('migrations read %I.%I', nspname, relname) FROM counted
    WHERE is_read AND nspname <> 'pg_catalog' AND (
        (nspname = 'public' AND relname IN (SELECT jsonb_array_elements_text($3::jsonb)))
        OR NOT EXISTS (
            SELECT FROM pg_depend JOIN known USING (classid, objid)
            WHERE refclassid = 'pg_class'::regclass AND refobjid = counted.oid
        )
    )
    UNION ALL
    SELECT 'migrations make or change ' || coalesce(pg_describe_object(classid, objid, objsubid), 'something elsewhere')
    FROM dependents
    WHERE NOT EXISTS (
        SELECT FROM known WHERE known.classid = dependents.classid AND known.objid = dependents.objid
        UNION ALL
        SELECT FROM members WHERE members.classid = dependents.classid AND members.objid = dependents.objid
    ) AND NOT (classid = 'pg_namespace'::regclass AND objid = (SELECT oid FROM space))
)
SELECT text FROM traces LIMIT 1
