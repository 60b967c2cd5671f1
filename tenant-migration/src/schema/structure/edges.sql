-- Which node needs which other one. A serial column's sequence needs the column only to be owned by it, which comes
-- last.
SELECT DISTINCT (dependent.node_class::bigint << 32) + dependent.node_oid::bigint AS node,
    (needed.node_class::bigint << 32) + needed.node_oid::bigint AS needs
FROM known AS dependent
JOIN pg_depend AS depend ON depend.classid = dependent.classid AND depend.objid = dependent.objid
JOIN known AS needed ON depend.refclassid = needed.classid AND depend.refobjid = needed.objid
WHERE (dependent.node_class, dependent.node_oid) <> (needed.node_class, needed.node_oid)
    AND NOT (
        depend.deptype = 'a' AND depend.refobjsubid > 0
        AND depend.classid = 'pg_class'::regclass
        AND EXISTS (SELECT FROM relations WHERE relations.oid = depend.objid AND relkind = 'S')
    )
