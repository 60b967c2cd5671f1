-- What depends on the schema $1 from outside. Publications and views of other schemas are about it, and no part of it: they are left
-- out of a copy.
, outside (classid, objid, objsubid, is_left_out) AS (
    SELECT depend.classid, depend.objid, depend.objsubid,
        depend.classid = 'pg_publication_rel'::regclass OR EXISTS (
            SELECT FROM pg_rewrite JOIN pg_class ON pg_class.oid = ev_class
            WHERE depend.classid = 'pg_rewrite'::regclass AND pg_rewrite.oid = depend.objid AND rulename = '_RETURN'
        )
    FROM known JOIN pg_depend AS depend ON refclassid = known.classid AND refobjid = known.objid
    WHERE NOT EXISTS (SELECT FROM known AS own WHERE own.classid = depend.classid AND own.objid = depend.objid)
    UNION ALL
    SELECT classid, objid, 0, true FROM members WHERE classid = 'pg_publication_namespace'::regclass
)
