SELECT 'ünïcödé ''note''' AS "ö"
FROM	note