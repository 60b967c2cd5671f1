-- What of the schema $1 is not made again elsewhere, in words: the rights of the role $2 apart, which it gets anew.
, role AS (SELECT (SELECT oid FROM pg_roles WHERE rolname = $2) AS oid),
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
objects (object, reason) AS (
    SELECT pg_describe_object(classid, objid, 0), 'cannot be made from the catalogs'
    FROM members
    WHERE classid NOT IN ('pg_class'::regclass, 'pg_type'::regclass, 'pg_proc'::regclass)
        AND NOT (
            classid = 'pg_default_acl'::regclass
            AND NOT EXISTS (
                SELECT FROM pg_default_acl CROSS JOIN LATERAL aclexplode(defaclacl)
                WHERE pg_default_acl.oid = objid AND grantee IS DISTINCT FROM (SELECT oid FROM role)
            )
        )
    UNION ALL
    SELECT pg_describe_object('pg_class'::regclass, oid, 0), CASE
            WHEN relispartition OR relkind = 'p' THEN 'is partitioned, or a partition'
            WHEN reltablespace <> 0 THEN 'is in a tablespace of its own'
            ELSE 'is of a kind that is not made from the catalogs'
        END
    FROM relations
    WHERE relkind NOT IN ('r', 'v', 'm', 'S', 'c') OR relispartition OR reloftype <> 0 OR reltablespace <> 0
        OR relpersistence NOT IN ('p', 'u')
    UNION ALL
    SELECT pg_describe_object('pg_class'::regclass, inhrelid, 0), 'inherits'
    FROM relations JOIN pg_inherits ON inhrelid = relations.oid OR inhparent = relations.oid
    UNION ALL
    SELECT pg_describe_object('pg_class'::regclass, indexrelid, 0), CASE
            WHEN reltablespace <> 0 THEN 'is in a tablespace of its own'
            ELSE 'is not valid'
        END
    FROM indexes WHERE reltablespace <> 0 OR NOT indisvalid OR NOT indisready OR NOT indislive
    UNION ALL
    SELECT pg_describe_object('pg_class'::regclass, adrelid, adnum), 'has a default, on a view'
    FROM defaults JOIN relations ON adrelid = relations.oid WHERE relkind <> 'r'
    UNION ALL
    SELECT pg_describe_object('pg_type'::regclass, objid, 0), 'is of a kind that is not made from the catalogs'
    FROM members JOIN pg_type ON pg_type.oid = objid
    WHERE classid = 'pg_type'::regclass AND typtype NOT IN ('e', 'd', 'c')
    UNION ALL
    SELECT pg_describe_object('pg_proc'::regclass, procs.oid, 0), 'is of a kind that is not made from the catalogs'
    FROM procs JOIN pg_language ON pg_language.oid = prolang
    WHERE prokind NOT IN ('f', 'p') OR lanname IN ('internal', 'c') OR prosupport <> 0 OR protrftypes IS NOT NULL
    UNION ALL
    SELECT pg_describe_object('pg_rewrite'::regclass, oid, 0), 'is a rule' FROM rules
    WHERE rulename <> '_RETURN' OR ev_enabled <> 'O'
    UNION ALL
    SELECT pg_describe_object(classid, objid, 0), 'belongs to somebody else'
    FROM acls WHERE owner <> (SELECT oid FROM pg_roles WHERE rolname = current_user)
    UNION ALL
    SELECT pg_describe_object(classid, objid, 0), 'has rights that were given or taken'
    FROM usual_acls
    WHERE EXISTS (
        (SELECT * FROM aclexplode(actual) AS acl WHERE grantee IS DISTINCT FROM (SELECT oid FROM role)
            EXCEPT SELECT * FROM aclexplode(usual))
        UNION ALL
        (SELECT * FROM aclexplode(usual) EXCEPT SELECT * FROM aclexplode(actual))
    )
    UNION ALL
    SELECT pg_describe_object('pg_class'::regclass, attrelid, attnum), 'has rights that were given or taken'
    FROM relations JOIN pg_attribute ON attrelid = relations.oid CROSS JOIN LATERAL aclexplode(attacl) AS acl
    WHERE acl.grantee IS DISTINCT FROM (SELECT oid FROM role)
    UNION ALL
    SELECT pg_describe_object(label.classoid, label.objoid, label.objsubid), 'has a security label'
    FROM known JOIN pg_seclabel AS label ON label.classoid = classid AND label.objoid = objid
    UNION ALL
    SELECT pg_describe_object('pg_namespace'::regclass, oid, 0), 'has a comment or a security label'
    FROM space
    WHERE obj_description(oid, 'pg_namespace') IS NOT NULL
        OR EXISTS (SELECT FROM pg_seclabel WHERE classoid = 'pg_namespace'::regclass AND objoid = space.oid)
    UNION ALL
    SELECT pg_describe_object(depend.classid, depend.objid, depend.objsubid), 'depends on the schema from outside'
    FROM known JOIN pg_depend AS depend ON refclassid = known.classid AND refobjid = known.objid
    WHERE NOT EXISTS (SELECT FROM known AS own WHERE own.classid = depend.classid AND own.objid = depend.objid)
    UNION ALL
    SELECT pg_describe_object(classid, objid, 0), 'belongs to an extension'
    FROM known CROSS JOIN LATERAL (
        -- Not flattened, since it is to be found by its object.
        SELECT deptype FROM pg_depend WHERE pg_depend.classid = known.classid AND pg_depend.objid = known.objid OFFSET 0
    ) AS depend
    WHERE depend.deptype IN ('e', 'x')
)
SELECT object || ' ' || reason AS text FROM objects WHERE object IS NOT NULL ORDER BY 1 LIMIT 1
