-- What the schema $1 has: `known` is every object, with the node of the order in which it is made.
--
-- All is found by indexes of the catalogs, from the dependencies on the schema: there may be a million tables.
WITH RECURSIVE space AS (SELECT oid, nspname, nspowner, nspacl FROM pg_namespace WHERE nspname = $1),
members AS MATERIALIZED (
    SELECT classid, objid FROM pg_depend
    WHERE refclassid = 'pg_namespace'::regclass AND refobjid = (SELECT oid FROM space)
),
relations AS MATERIALIZED (
    SELECT class.* FROM members JOIN pg_class AS class ON class.oid = objid WHERE classid = 'pg_class'::regclass
    UNION ALL
    SELECT class.* FROM members JOIN pg_type AS type ON type.oid = objid JOIN pg_class AS class ON class.oid = typrelid
    WHERE classid = 'pg_type'::regclass
),
indexes AS MATERIALIZED (
    SELECT index.*, class.relname, class.reltablespace, class.reloptions, constraints.oid AS constraint_oid
    FROM relations JOIN pg_index AS index ON indrelid = relations.oid JOIN pg_class AS class ON class.oid = indexrelid
    LEFT JOIN pg_constraint AS constraints
        ON conrelid = indrelid AND conindid = indexrelid AND contype IN ('p', 'u', 'x')
),
-- The sequences of columns GENERATED AS IDENTITY.
identities AS MATERIALIZED (
    SELECT sequences.oid, refobjid AS table_oid, refobjsubid AS attnum
    FROM relations AS sequences JOIN pg_depend
        ON classid = 'pg_class'::regclass AND objid = sequences.oid AND refclassid = 'pg_class'::regclass
        AND refobjsubid > 0 AND deptype = 'i'
    WHERE relkind = 'S'
),
own_types AS MATERIALIZED (
    SELECT type.*, 'pg_type'::regclass::oid AS node_class, type.oid AS node_oid
    FROM members JOIN pg_type AS type ON type.oid = objid WHERE classid = 'pg_type'::regclass
    UNION ALL
    SELECT type.*, 'pg_class'::regclass::oid, relations.oid
    FROM relations JOIN pg_type AS type ON type.oid = reltype WHERE relkind <> 'c'
),
types AS MATERIALIZED (
    TABLE own_types
    UNION ALL
    SELECT type.*, node_class, node_oid FROM own_types JOIN pg_type AS type ON type.oid = own_types.typarray
),
procs AS MATERIALIZED (
    SELECT proc.* FROM members JOIN pg_proc AS proc ON proc.oid = objid WHERE classid = 'pg_proc'::regclass
),
constraints AS MATERIALIZED (
    SELECT con.* FROM relations JOIN pg_constraint AS con ON conrelid = relations.oid
    UNION ALL
    SELECT con.* FROM own_types JOIN pg_constraint AS con ON contypid = own_types.oid
),
-- Those of foreign keys are on both tables.
triggers AS MATERIALIZED (
    SELECT trigger.* FROM relations JOIN pg_trigger AS trigger ON tgrelid = relations.oid
    UNION ALL
    SELECT trigger.* FROM constraints JOIN pg_trigger AS trigger ON tgconstraint = constraints.oid
    WHERE tgrelid NOT IN (SELECT oid FROM relations)
),
rules AS MATERIALIZED (
    SELECT rule.oid, rulename, ev_class, ev_enabled FROM relations JOIN pg_rewrite AS rule ON ev_class = relations.oid
),
policies AS MATERIALIZED (
    SELECT policy.* FROM relations JOIN pg_policy AS policy ON polrelid = relations.oid
),
defaults AS MATERIALIZED (
    SELECT attrdef.* FROM relations JOIN pg_attrdef AS attrdef ON adrelid = relations.oid
),
statistics AS MATERIALIZED (
    SELECT stats.* FROM members JOIN pg_statistic_ext AS stats ON stats.oid = objid
    WHERE classid = 'pg_statistic_ext'::regclass
),
search_dictionaries AS MATERIALIZED (
    SELECT dict.* FROM members JOIN pg_ts_dict AS dict ON dict.oid = objid WHERE classid = 'pg_ts_dict'::regclass
),
search_configurations AS MATERIALIZED (
    SELECT config.* FROM members JOIN pg_ts_config AS config ON config.oid = objid WHERE classid = 'pg_ts_config'::regclass
),
known AS MATERIALIZED (
    SELECT 'pg_class'::regclass::oid AS classid, relations.oid AS objid,
        CASE relkind WHEN 'c' THEN 'pg_type'::regclass::oid ELSE 'pg_class'::regclass::oid END AS node_class,
        CASE relkind WHEN 'c' THEN reltype ELSE coalesce(table_oid, relations.oid) END AS node_oid
    FROM relations LEFT JOIN identities ON identities.oid = relations.oid
    UNION ALL
    SELECT 'pg_class'::regclass, indexrelid, 'pg_class'::regclass,
        CASE WHEN constraint_oid IS NULL THEN indexrelid ELSE indrelid END
    FROM indexes
    UNION ALL
    SELECT 'pg_class'::regclass, reltoastrelid, 'pg_class'::regclass, oid FROM relations WHERE reltoastrelid <> 0
    UNION ALL
    SELECT 'pg_class'::regclass, indexrelid, 'pg_class'::regclass, relations.oid
    FROM relations JOIN pg_index ON indrelid = reltoastrelid WHERE reltoastrelid <> 0
    UNION ALL
    SELECT 'pg_type'::regclass, oid, node_class, node_oid FROM types
    UNION ALL
    SELECT 'pg_proc'::regclass, oid, 'pg_proc'::regclass, oid FROM procs
    UNION ALL
    SELECT 'pg_attrdef'::regclass, oid, 'pg_class'::regclass, adrelid FROM defaults
    UNION ALL
    SELECT 'pg_constraint'::regclass, oid,
        CASE WHEN NOT made_with THEN NULL WHEN conrelid = 0 THEN 'pg_type'::regclass ELSE 'pg_class'::regclass END,
        CASE WHEN NOT made_with THEN NULL WHEN conrelid = 0 THEN contypid ELSE conrelid END
    FROM constraints CROSS JOIN LATERAL (SELECT contype IN ('p', 'u', 'x', 'c', 'n') AND convalidated) AS made (made_with)
    UNION ALL
    SELECT 'pg_rewrite'::regclass, oid, 'pg_class'::regclass, ev_class FROM rules
    UNION ALL
    SELECT 'pg_trigger'::regclass, oid, NULL, NULL FROM triggers
    UNION ALL
    SELECT 'pg_policy'::regclass, oid, NULL, NULL FROM policies
    UNION ALL
    SELECT 'pg_statistic_ext'::regclass, oid, NULL, NULL FROM statistics
    UNION ALL
    SELECT 'pg_ts_dict'::regclass, oid, 'pg_ts_dict'::regclass, oid FROM search_dictionaries
    UNION ALL
    SELECT 'pg_ts_config'::regclass, oid, 'pg_ts_config'::regclass, oid FROM search_configurations
)
