-- What of the schema $1 is not made again elsewhere, in words.
, objects (object, reason) AS (
    SELECT pg_describe_object(classid, objid, 0), 'cannot be made from the catalogs'
    FROM members
    WHERE classid NOT IN (
        'pg_class'::regclass, 'pg_type'::regclass, 'pg_proc'::regclass, 'pg_statistic_ext'::regclass, 'pg_ts_dict'::regclass,
        'pg_ts_config'::regclass, 'pg_default_acl'::regclass, 'pg_publication_namespace'::regclass
    )
    UNION ALL
    SELECT pg_describe_object('pg_class'::regclass, oid, 0), CASE
            WHEN reltablespace <> 0 THEN 'is in a tablespace of its own'
            ELSE 'is of a kind that is not made from the catalogs'
        END
    FROM relations
    WHERE relkind NOT IN ('r', 'p', 'v', 'm', 'S', 'c') OR reloftype <> 0 OR reltablespace <> 0
        OR relpersistence NOT IN ('p', 'u')
    UNION ALL
    SELECT pg_describe_object('pg_class'::regclass, inhrelid, 0), CASE
            WHEN inhdetachpending THEN 'is being detached from its parent'
            ELSE 'inherits from a table of another schema'
        END
    FROM relations JOIN pg_inherits ON inhrelid = relations.oid OR inhparent = relations.oid
    WHERE inhdetachpending
        OR NOT EXISTS (SELECT FROM relations AS parent WHERE parent.oid = inhparent)
        OR NOT EXISTS (SELECT FROM relations AS child WHERE child.oid = inhrelid)
    UNION ALL
    SELECT pg_describe_object('pg_class'::regclass, indexrelid, 0), CASE
            WHEN reltablespace <> 0 THEN 'is in a tablespace of its own'
            ELSE 'is not valid'
        END
    FROM indexes WHERE reltablespace <> 0 OR NOT indisvalid OR NOT indisready OR NOT indislive
    UNION ALL
    SELECT pg_describe_object('pg_class'::regclass, adrelid, adnum), 'has a default, on a view'
    FROM defaults JOIN relations ON adrelid = relations.oid WHERE relkind NOT IN ('r', 'p')
    UNION ALL
    SELECT pg_describe_object('pg_type'::regclass, objid, 0), 'is of a kind that is not made from the catalogs'
    FROM members JOIN pg_type ON pg_type.oid = objid
    WHERE classid = 'pg_type'::regclass AND typtype NOT IN ('e', 'd', 'c')
    UNION ALL
    SELECT pg_describe_object('pg_proc'::regclass, procs.oid, 0), 'is of a kind that is not made from the catalogs'
    FROM procs JOIN pg_language ON pg_language.oid = prolang
    WHERE prokind NOT IN ('f', 'p', 'a') OR (lanname IN ('internal', 'c') AND prokind <> 'a') OR prosupport <> 0 OR protrftypes IS NOT NULL
    UNION ALL
    SELECT pg_describe_object('pg_rewrite'::regclass, oid, 0), 'is a rule' FROM rules
    WHERE rulename <> '_RETURN' OR ev_enabled <> 'O'
    UNION ALL
    SELECT pg_describe_object(classid, objid, 0), 'belongs to somebody else'
    FROM (
        SELECT classid, objid, owner FROM acls
        UNION ALL
        SELECT 'pg_statistic_ext'::regclass, oid, stxowner FROM statistics
        UNION ALL
        SELECT 'pg_ts_dict'::regclass, oid, dictowner FROM search_dictionaries
        UNION ALL
        SELECT 'pg_ts_config'::regclass, oid, cfgowner FROM search_configurations
        UNION ALL
        SELECT 'pg_default_acl'::regclass, oid, defaclrole FROM default_rights
    ) AS owned
    WHERE owner <> (SELECT oid FROM pg_roles WHERE rolname = current_user)
    UNION ALL
    SELECT pg_describe_object(classid, objid, objsubid), 'has rights that somebody other than its owner gave'
    FROM given WHERE grantor <> (SELECT oid FROM pg_roles WHERE rolname = current_user)
    UNION ALL
    -- In a copy, the rows of one more tenant would be open to them.
    SELECT pg_describe_object(classid, objid, objsubid), 'has rights that everybody, or another tenant, was given'
    FROM (
        SELECT classid, objid, objsubid, grantee FROM given
        UNION ALL
        SELECT 'pg_default_acl'::regclass, oid, 0, grantee FROM default_rights
    ) AS rights
    WHERE grantee = 0 OR EXISTS (SELECT FROM pg_roles WHERE oid = grantee AND rolname ~ '^tenants?[.]')
    UNION ALL
    SELECT pg_describe_object(label.classoid, label.objoid, label.objsubid), 'has a security label'
    FROM known JOIN pg_seclabel AS label ON label.classoid = classid AND label.objoid = objid
    UNION ALL
    SELECT pg_describe_object('pg_namespace'::regclass, oid, 0), 'has a security label'
    FROM space WHERE EXISTS (SELECT FROM pg_seclabel WHERE classoid = 'pg_namespace'::regclass AND objoid = space.oid)
    UNION ALL
    SELECT pg_describe_object(depend.classid, depend.objid, depend.objsubid), 'depends on the schema from outside'
    FROM outside AS depend WHERE NOT is_left_out
    UNION ALL
    SELECT pg_describe_object(classid, objid, 0), 'belongs to an extension'
    FROM known CROSS JOIN LATERAL (
        -- Not flattened, since it is to be found by its object.
        SELECT deptype FROM pg_depend WHERE pg_depend.classid = known.classid AND pg_depend.objid = known.objid OFFSET 0
    ) AS depend
    WHERE depend.deptype IN ('e', 'x')
)
SELECT object || ' ' || reason AS text FROM objects WHERE object IS NOT NULL ORDER BY 1 LIMIT 1
