SELECT format('ALTER ROUTINE %s SET search_path = %s', $1::int8::oid::regprocedure,
    string_agg(quote_literal(name), ', ' ORDER BY place))
FROM json_array_elements_text($2::json) WITH ORDINALITY AS schemas (name, place)
