-- The objects outside of the schema $1 that a copy of it is without, in words.
SELECT DISTINCT coalesce(
    (
        SELECT 'view ' || ev_class::regclass FROM pg_rewrite
        WHERE outside.classid = 'pg_rewrite'::regclass AND pg_rewrite.oid = objid
    ),
    pg_describe_object(classid, objid, 0)
) AS text
FROM outside WHERE is_left_out ORDER BY 1
