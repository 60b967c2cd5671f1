-- The objects outside of the schema $1 that would be dropped with all that is in it, by CASCADE or by themselves: `object`
-- names each. With $2, the schema and its extensions stay.
--
-- It follows pg_depend as PostgreSQL does. `objsubid` is the number of a column where only that goes.
-- https://www.postgresql.org/docs/current/catalog-pg-depend.html
WITH RECURSIVE space AS (
    SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1
), dropped (classid, objid, objsubid) AS (
    SELECT classid, objid, objsubid FROM pg_catalog.pg_depend AS content JOIN space ON space.oid = refobjid
    WHERE refclassid = 'pg_namespace'::regclass AND NOT ($2 AND (
        classid NOT IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass) OR EXISTS (
            SELECT FROM pg_catalog.pg_depend AS membership
            WHERE membership.classid = content.classid AND membership.objid = content.objid AND membership.deptype = 'e'
        )
    ))
    UNION
    SELECT next.* FROM dropped CROSS JOIN LATERAL (
        SELECT classid, objid, objsubid FROM pg_catalog.pg_depend
        WHERE refclassid = dropped.classid AND refobjid = dropped.objid
            AND dropped.objsubid IN (0, refobjsubid)
        UNION ALL
        -- A part of another object, or of an extension, takes that with it.
        SELECT refclassid, refobjid, refobjsubid FROM pg_catalog.pg_depend
        WHERE classid = dropped.classid AND objid = dropped.objid AND objsubid = dropped.objsubid
            AND deptype IN ('i', 'e')
    ) AS next
), placed AS (
    SELECT dropped.*, CASE classid
        WHEN 'pg_namespace'::regclass THEN objid
        WHEN 'pg_class'::regclass THEN (SELECT relnamespace FROM pg_class WHERE oid = objid)
        WHEN 'pg_type'::regclass THEN (SELECT typnamespace FROM pg_type WHERE oid = objid)
        WHEN 'pg_proc'::regclass THEN (SELECT pronamespace FROM pg_proc WHERE oid = objid)
        WHEN 'pg_constraint'::regclass THEN (SELECT connamespace FROM pg_constraint WHERE oid = objid)
        WHEN 'pg_attrdef'::regclass THEN
            (SELECT relnamespace FROM pg_attrdef AS part JOIN pg_class AS class ON class.oid = adrelid WHERE part.oid = objid)
        WHEN 'pg_rewrite'::regclass THEN
            (SELECT relnamespace FROM pg_rewrite AS part JOIN pg_class AS class ON class.oid = ev_class WHERE part.oid = objid)
        WHEN 'pg_trigger'::regclass THEN
            (SELECT relnamespace FROM pg_trigger AS part JOIN pg_class AS class ON class.oid = tgrelid WHERE part.oid = objid)
        WHEN 'pg_policy'::regclass THEN
            (SELECT relnamespace FROM pg_policy AS part JOIN pg_class AS class ON class.oid = polrelid WHERE part.oid = objid)
        WHEN 'pg_operator'::regclass THEN (SELECT oprnamespace FROM pg_operator WHERE oid = objid)
        WHEN 'pg_opclass'::regclass THEN (SELECT opcnamespace FROM pg_opclass WHERE oid = objid)
        WHEN 'pg_opfamily'::regclass THEN (SELECT opfnamespace FROM pg_opfamily WHERE oid = objid)
        WHEN 'pg_amop'::regclass THEN
            (SELECT opfnamespace FROM pg_amop AS part JOIN pg_opfamily AS family ON family.oid = amopfamily WHERE part.oid = objid)
        WHEN 'pg_amproc'::regclass THEN
            (SELECT opfnamespace FROM pg_amproc AS part JOIN pg_opfamily AS family ON family.oid = amprocfamily
            WHERE part.oid = objid)
        WHEN 'pg_collation'::regclass THEN (SELECT collnamespace FROM pg_collation WHERE oid = objid)
        WHEN 'pg_conversion'::regclass THEN (SELECT connamespace FROM pg_conversion WHERE oid = objid)
        WHEN 'pg_statistic_ext'::regclass THEN (SELECT stxnamespace FROM pg_statistic_ext WHERE oid = objid)
        WHEN 'pg_ts_config'::regclass THEN (SELECT cfgnamespace FROM pg_ts_config WHERE oid = objid)
        WHEN 'pg_ts_dict'::regclass THEN (SELECT dictnamespace FROM pg_ts_dict WHERE oid = objid)
        WHEN 'pg_ts_parser'::regclass THEN (SELECT prsnamespace FROM pg_ts_parser WHERE oid = objid)
        WHEN 'pg_ts_template'::regclass THEN (SELECT tmplnamespace FROM pg_ts_template WHERE oid = objid)
        WHEN 'pg_extension'::regclass THEN (SELECT extnamespace FROM pg_extension WHERE oid = objid)
        WHEN 'pg_default_acl'::regclass THEN (SELECT defaclnamespace FROM pg_default_acl WHERE oid = objid)
        -- These are in no schema. They belong to their types.
        WHEN 'pg_cast'::regclass THEN
            (SELECT typnamespace FROM pg_cast AS part JOIN pg_type AS type ON type.oid IN (castsource, casttarget)
            WHERE part.oid = objid ORDER BY typnamespace <> (SELECT oid FROM space) LIMIT 1)
        WHEN 'pg_transform'::regclass THEN
            (SELECT typnamespace FROM pg_transform AS part JOIN pg_type AS type ON type.oid = trftype WHERE part.oid = objid)
        END AS place
    FROM dropped
)
SELECT DISTINCT name.type || ' ' || name.identity AS object
FROM placed CROSS JOIN LATERAL pg_catalog.pg_identify_object(classid, objid, objsubid) AS name
WHERE place IS DISTINCT FROM (SELECT oid FROM space) AND name.identity IS NOT NULL
    -- The tables in which PostgreSQL keeps long values, and their indexes.
    AND NOT (classid = 'pg_class'::regclass AND place = 'pg_toast'::regnamespace)
    -- Foreign keys have triggers on the other table.
    AND NOT (classid = 'pg_trigger'::regclass AND EXISTS (SELECT FROM pg_trigger WHERE oid = objid AND tgisinternal))
    -- A view and its rule, or a table and its types, are one object.
    AND NOT (classid = 'pg_rewrite'::regclass AND EXISTS (SELECT FROM pg_rewrite WHERE oid = objid AND rulename = '_RETURN'))
    AND NOT (classid = 'pg_type'::regclass AND EXISTS (
        SELECT FROM pg_type AS type LEFT JOIN pg_class AS class ON class.oid = typrelid
        WHERE type.oid = objid AND (typelem <> 0 OR class.relkind <> 'c')
    ))
    AND NOT (classid = 'pg_class'::regclass AND EXISTS (
        SELECT FROM pg_class WHERE pg_class.oid = objid AND relkind = 'c' AND objsubid = 0
    ))
    -- In no schema, but of an extension in this one.
    AND NOT (place IS NULL AND EXISTS (
        SELECT FROM pg_depend AS membership JOIN pg_extension AS extension ON extension.oid = membership.refobjid
        WHERE membership.classid = placed.classid AND membership.objid = placed.objid AND membership.deptype = 'e'
            AND membership.refclassid = 'pg_extension'::regclass AND extnamespace = (SELECT oid FROM space)
    ))
ORDER BY 1 LIMIT 10
