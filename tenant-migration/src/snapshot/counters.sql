-- What the session wrote and read since it last told the statistics, which it does between transactions only.
counters AS (
    SELECT coalesce(indrelid, class.oid) AS oid, sum(
            pg_stat_get_xact_tuples_inserted(class.oid) + pg_stat_get_xact_tuples_updated(class.oid)
            + pg_stat_get_xact_tuples_deleted(class.oid)
        )::bigint AS writes, sum(pg_stat_get_xact_numscans(class.oid))::bigint AS scans
    FROM pg_class AS class LEFT JOIN pg_index ON indexrelid = class.oid
    WHERE relkind IN ('r', 'p', 'm', 't', 'i')
    GROUP BY 1
)
