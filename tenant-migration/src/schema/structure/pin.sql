-- The `search_path` that functions have from us, as `pg_proc` and as `pg_get_functiondef` have it: $2 is its schemas.
, pin AS (
    SELECT 'search_path=' || string_agg(quote_ident(name), ', ' ORDER BY place) AS setting,
        ' SET search_path TO ' || string_agg(quote_literal(name), ', ' ORDER BY place) || E'\n' AS clause
    FROM jsonb_array_elements_text($2::jsonb) WITH ORDINALITY AS path (name, place)
)
