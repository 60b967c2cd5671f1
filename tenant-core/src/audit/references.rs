//! References from one schema into another: the edges of `pg_depend`.

use sea_orm::FromQueryResult;

/// An object that depends on one in another schema.
#[derive(Debug, FromQueryResult)]
pub(super) struct Reference {
    pub(super) schema: String,
    pub(super) kind: String,
    pub(super) object: String,
    pub(super) target_schema: String,
    pub(super) target: String,
}

/// All references from any schema into any other, apart from the schemas of `$1`, which are for shared.
///
/// A foreign key depends on the table and on its index, and PostgreSQL keeps triggers of its own on both tables; it
/// is told once. So is a partition, whose indexes and constraints hang on its parent's.
pub(super) const QUERY: &str = r#"
WITH space AS (
    SELECT oid, nspname::text AS name FROM pg_catalog.pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), object (classid, objid, space, kind) AS (
    SELECT 'pg_class'::regclass, oid, relnamespace,
        CASE WHEN relkind IN ('i', 'I') THEN 'index' WHEN relkind = 'S' THEN 'sequence' ELSE 'table' END
    FROM pg_catalog.pg_class
    UNION ALL SELECT 'pg_attrdef'::regclass, attrdef.oid, relnamespace, 'default'
    FROM pg_catalog.pg_attrdef AS attrdef JOIN pg_catalog.pg_class AS class ON class.oid = adrelid
    UNION ALL SELECT 'pg_constraint'::regclass, oid, connamespace,
        CASE contype WHEN 'f' THEN 'foreign_key' ELSE 'constraint' END
    FROM pg_catalog.pg_constraint
    UNION ALL SELECT 'pg_rewrite'::regclass, rewrite.oid, relnamespace,
        CASE rulename WHEN '_RETURN' THEN 'view' ELSE 'rule' END
    FROM pg_catalog.pg_rewrite AS rewrite JOIN pg_catalog.pg_class AS class ON class.oid = ev_class
    UNION ALL SELECT 'pg_trigger'::regclass, trigger.oid, relnamespace, 'trigger'
    FROM pg_catalog.pg_trigger AS trigger JOIN pg_catalog.pg_class AS class ON class.oid = tgrelid
    WHERE NOT tgisinternal
    UNION ALL SELECT 'pg_policy'::regclass, policy.oid, relnamespace, 'policy'
    FROM pg_catalog.pg_policy AS policy JOIN pg_catalog.pg_class AS class ON class.oid = polrelid
    UNION ALL SELECT 'pg_proc'::regclass, oid, pronamespace, 'function' FROM pg_catalog.pg_proc
    UNION ALL SELECT 'pg_type'::regclass, oid, typnamespace, 'type' FROM pg_catalog.pg_type
    UNION ALL SELECT 'pg_operator'::regclass, oid, oprnamespace, 'other' FROM pg_catalog.pg_operator
    UNION ALL SELECT 'pg_opclass'::regclass, oid, opcnamespace, 'other' FROM pg_catalog.pg_opclass
    UNION ALL SELECT 'pg_opfamily'::regclass, oid, opfnamespace, 'other' FROM pg_catalog.pg_opfamily
    UNION ALL SELECT 'pg_collation'::regclass, oid, collnamespace, 'other' FROM pg_catalog.pg_collation
    UNION ALL SELECT 'pg_conversion'::regclass, oid, connamespace, 'other' FROM pg_catalog.pg_conversion
    UNION ALL SELECT 'pg_statistic_ext'::regclass, oid, stxnamespace, 'other' FROM pg_catalog.pg_statistic_ext
    UNION ALL SELECT 'pg_ts_config'::regclass, oid, cfgnamespace, 'other' FROM pg_catalog.pg_ts_config
    UNION ALL SELECT 'pg_ts_dict'::regclass, oid, dictnamespace, 'other' FROM pg_catalog.pg_ts_dict
    UNION ALL SELECT 'pg_ts_parser'::regclass, oid, prsnamespace, 'other' FROM pg_catalog.pg_ts_parser
    UNION ALL SELECT 'pg_ts_template'::regclass, oid, tmplnamespace, 'other' FROM pg_catalog.pg_ts_template
), edge AS MATERIALIZED (
    SELECT source.name AS schema, target.name AS target_schema, depend.classid, depend.objid, depend.objsubid,
        depend.refclassid, depend.refobjid,
        CASE
            WHEN object.kind = 'table' AND referenced.kind = 'type' THEN 'column_type'
            WHEN object.kind = 'table' AND referenced.kind = 'table' THEN 'parent'
            ELSE object.kind
        END AS kind
    FROM pg_catalog.pg_depend AS depend
    JOIN object ON object.classid = depend.classid AND object.objid = depend.objid
    JOIN object AS referenced
        ON referenced.classid = depend.refclassid AND referenced.objid = depend.refobjid
    JOIN space AS source ON source.oid = object.space
    JOIN space AS target ON target.oid = referenced.space
    WHERE object.space <> referenced.space
        AND depend.deptype IN ('n', 'a', 'i')
        AND target.name NOT IN (SELECT jsonb_array_elements_text($1))
        AND NOT (object.kind = 'foreign_key' AND referenced.kind = 'index')
)
SELECT DISTINCT edge.schema, target_schema, kind,
    replace(dependent.type || ' ' || dependent.identity, 'rule "_RETURN" on ', 'view ') AS object,
    target.type || ' ' || target.identity AS target
FROM edge
CROSS JOIN LATERAL pg_identify_object(classid, objid, objsubid) AS dependent
CROSS JOIN LATERAL pg_identify_object(refclassid, refobjid, 0) AS target
WHERE dependent.identity IS NOT NULL AND target.identity IS NOT NULL"#;
