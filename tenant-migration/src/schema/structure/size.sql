-- How many relations the schema $1 has, how many transactions the server has room for, and how many locks for all of them.
SELECT relations, transactions, transactions * current_setting('max_locks_per_transaction')::bigint AS locks
FROM (
    SELECT count(*) AS relations,
        current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint AS transactions
    FROM known WHERE classid = 'pg_class'::regclass
) AS size
