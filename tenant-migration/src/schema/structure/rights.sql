-- The rights on what the schema $1 has, beside those that everything of an owner gets: those that were `given`, and those that
-- were `taken`. Rights of the role $3 are left out, which it gets anew.
, role AS (SELECT (SELECT oid FROM pg_roles WHERE rolname = $3::text) AS oid),
acls (classid, objid, acl, kind, owner) AS (
    SELECT 'pg_namespace'::regclass::oid, oid, nspacl, 'n'::"char", nspowner FROM space
    UNION ALL
    SELECT 'pg_class'::regclass, oid, relacl, CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner
    FROM relations
    UNION ALL
    SELECT 'pg_type'::regclass, oid, typacl, 'T', typowner FROM own_types
    UNION ALL
    SELECT 'pg_proc'::regclass, oid, proacl, 'f', proowner FROM procs
),
-- What everything of an owner gets in the database.
usual_acls AS (
    SELECT acls.*, coalesce(acl, acldefault(kind, owner)) AS actual,
        coalesce(
            (
                SELECT defaclacl FROM pg_default_acl
                WHERE defaclrole = owner AND defaclnamespace = 0
                    AND defaclobjtype = CASE kind WHEN 's' THEN 'S' ELSE kind END
            ),
            acldefault(kind, owner)
        ) AS usual
    FROM acls
),
given AS (
    SELECT classid, objid, 0 AS objsubid, right_of.*
    FROM usual_acls CROSS JOIN LATERAL (
        SELECT * FROM aclexplode(actual) EXCEPT SELECT * FROM aclexplode(usual)
    ) AS right_of
    WHERE grantee IS DISTINCT FROM (SELECT oid FROM role)
    UNION ALL
    SELECT 'pg_class'::regclass, attrelid, attnum, right_of.*
    FROM relations JOIN pg_attribute ON attrelid = relations.oid CROSS JOIN LATERAL aclexplode(attacl) AS right_of
    WHERE grantee IS DISTINCT FROM (SELECT oid FROM role)
),
taken AS (
    SELECT classid, objid, right_of.*
    FROM usual_acls CROSS JOIN LATERAL (
        SELECT * FROM aclexplode(usual) EXCEPT SELECT * FROM aclexplode(actual)
    ) AS right_of
),
-- Those that new objects of the schema get.
default_rights AS (
    SELECT pg_default_acl.oid, defaclrole, defaclobjtype, right_of.*
    FROM members JOIN pg_default_acl ON pg_default_acl.oid = objid CROSS JOIN LATERAL aclexplode(defaclacl) AS right_of
    WHERE classid = 'pg_default_acl'::regclass AND grantee IS DISTINCT FROM (SELECT oid FROM role)
)
