-- What of the schema $1 depends on something of the schema $2.
SELECT pg_describe_object(classid, objid, 0) || ' depends on ' || pg_describe_object(refclassid, refobjid, refobjsubid)
FROM known JOIN pg_depend USING (classid, objid)
CROSS JOIN LATERAL pg_identify_object(refclassid, refobjid, 0) AS target
WHERE target.schema = quote_ident($2)
    OR (refclassid = 'pg_namespace'::regclass AND refobjid = (SELECT oid FROM pg_namespace WHERE nspname = $2))
LIMIT 1
