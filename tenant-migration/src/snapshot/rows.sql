-- Queries that say what is in the tables of the schema $1 but for its ledger $2, and which sequences were used.
SELECT format('SELECT %L::text WHERE EXISTS (SELECT FROM ONLY %s)', 'migrations write ' || oid::regclass, oid::regclass) AS sql
FROM relations WHERE relkind = 'r' AND relname <> $2
UNION ALL
SELECT format(
    'SELECT %L::text FROM %s WHERE is_called OR last_value <> %s', 'migrations use ' || relations.oid::regclass,
    relations.oid::regclass, seqstart
)
FROM relations JOIN pg_sequence ON seqrelid = relations.oid
