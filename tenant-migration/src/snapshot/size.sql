-- How many relations the schema $1 has, and how many locks the server has for all.
SELECT count(*) AS relations,
    current_setting('max_locks_per_transaction')::bigint
    * (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint) AS locks
FROM known WHERE classid = 'pg_class'::regclass
