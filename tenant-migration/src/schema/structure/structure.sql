-- The statements that make what the schema $1 has. `search_path` is the schema, so
-- that its own names are not qualified and all others are. Those with a node are sorted by what they need; the others come after them and
-- after the rows, in the order of `stage`.
, columns AS (
    SELECT attrelid, attribute.attnum, attname,
        quote_ident(attname) || ' ' || format_type(atttypid, atttypmod)
        || CASE WHEN attcollation <> typcollation AND attcollation <> 0
            THEN ' COLLATE ' || attcollation::regcollation ELSE '' END
        || CASE
            WHEN attgenerated = '' THEN ''
            ELSE format(' GENERATED ALWAYS AS (%s) %s', pg_get_expr(adbin, adrelid),
                CASE attgenerated WHEN 's' THEN 'STORED' ELSE 'VIRTUAL' END)
        END AS definition,
        -- Those of partitions are their parent's.
        CASE WHEN identities.oid IS NOT NULL THEN format(
            'GENERATED %s AS IDENTITY (SEQUENCE NAME %s %s)',
            CASE attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END, identities.oid::regclass, options.text
        ) END AS identity,
        CASE WHEN attgenerated = '' THEN 'DEFAULT ' || pg_get_expr(adbin, adrelid) END AS default_value,
        CASE WHEN attnotnull AND NOT EXISTS (
            SELECT FROM constraints WHERE conrelid = attrelid AND contype = 'n' AND conkey = ARRAY[attribute.attnum]
        ) THEN 'NOT NULL' END AS not_null,
        attribute.attstattarget, attcompression, attstorage, typstorage, attoptions
    FROM relations JOIN pg_attribute AS attribute ON attrelid = relations.oid AND attribute.attnum > 0 AND NOT attisdropped
    JOIN pg_type AS type ON type.oid = atttypid
    LEFT JOIN defaults ON adrelid = attrelid AND adnum = attnum
    LEFT JOIN identities ON table_oid = attrelid AND identities.attnum = attribute.attnum
    LEFT JOIN LATERAL (
        SELECT format(
            'START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s%s', seqstart, seqincrement, seqmin, seqmax,
            seqcache, CASE WHEN seqcycle THEN ' CYCLE' ELSE ' NO CYCLE' END
        ) FROM pg_sequence WHERE seqrelid = identities.oid
    ) AS options (text) ON true
    WHERE relkind IN ('r', 'p', 'c')
),
-- Those of a table or domain, made with it.
made_with AS (
    SELECT conrelid, contypid, format('CONSTRAINT %I %s', conname, pg_get_constraintdef(constraints.oid)) AS sql, conname, contype,
        conislocal
    FROM constraints JOIN known
        ON classid = 'pg_constraint'::regclass AND objid = constraints.oid AND node_class IS NOT NULL
),
options AS (
    SELECT relations.oid, ' WITH (' || string_agg(prefix || format('%I=%L', split_part(option, '=', 1),
        substr(option, strpos(option, '=') + 1)), ', ' ORDER BY prefix, place) || ')' AS sql
    FROM relations LEFT JOIN pg_class AS toast ON toast.oid = relations.reltoastrelid
    CROSS JOIN LATERAL (
        SELECT '' AS prefix, option, place FROM unnest(relations.reloptions) WITH ORDINALITY AS own (option, place)
        UNION ALL
        SELECT 'toast.', option, place FROM unnest(toast.reloptions) WITH ORDINALITY AS of_toast (option, place)
    ) AS options
    GROUP BY relations.oid
),
-- Functions of an aggregate, by the word for each.
aggregate_functions AS (
    SELECT aggfnoid, string_agg(format('%s = %s', word, CASE
            WHEN proc.pronamespace = space.oid THEN quote_ident(proc.proname) ELSE format('%I.%I', of.nspname, proc.proname)
        END), ', ' ORDER BY word) AS sql
    FROM procs JOIN pg_aggregate ON aggfnoid = procs.oid
    CROSS JOIN LATERAL (VALUES
        ('SFUNC', aggtransfn), ('FINALFUNC', aggfinalfn), ('COMBINEFUNC', aggcombinefn), ('SERIALFUNC', aggserialfn),
        ('DESERIALFUNC', aggdeserialfn), ('MSFUNC', aggmtransfn), ('MINVFUNC', aggminvtransfn), ('MFINALFUNC', aggmfinalfn)
    ) AS functions (word, function)
    JOIN pg_proc AS proc ON proc.oid = function JOIN pg_namespace AS of ON of.oid = proc.pronamespace CROSS JOIN space
    GROUP BY aggfnoid
),
rights_on (classid, objid, words) AS (
    SELECT 'pg_class'::regclass::oid, oid, CASE relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || oid::regclass
    FROM relations
    UNION ALL
    SELECT 'pg_type'::regclass, oid, 'TYPE ' || oid::regtype FROM own_types
    UNION ALL
    SELECT 'pg_proc'::regclass, oid, 'ROUTINE ' || oid::regprocedure FROM procs
),
statements (node_class, node_oid, stage, rank, name, sql) AS (
    -- Types
    SELECT 'pg_type'::regclass::oid, oid, 0, 0, oid::regtype::text,
        format('CREATE TYPE %I AS ENUM (%s)', typname, coalesce((
            SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder) FROM pg_enum
            WHERE enumtypid = own_types.oid
        ), ''))
    FROM own_types WHERE typtype = 'e'
    UNION ALL
    SELECT 'pg_type'::regclass, type.oid, 0, 0, type.oid::regtype::text,
        format('CREATE DOMAIN %I AS %s', type.typname, format_type(type.typbasetype, type.typtypmod))
        || CASE WHEN type.typcollation <> base.typcollation THEN ' COLLATE ' || type.typcollation::regcollation ELSE '' END
        || coalesce(' DEFAULT ' || pg_get_expr(type.typdefaultbin, 'pg_type'::regclass), '')
        || CASE WHEN type.typnotnull AND NOT EXISTS (
            SELECT FROM constraints WHERE contypid = type.oid AND contype = 'n'
        ) THEN ' NOT NULL' ELSE '' END
        || coalesce((SELECT string_agg(' ' || sql, '' ORDER BY conname) FROM made_with WHERE contypid = type.oid), '')
    FROM own_types AS type JOIN pg_type AS base ON base.oid = type.typbasetype WHERE type.typtype = 'd'
    UNION ALL
    SELECT 'pg_type'::regclass, own_types.oid, 0, 0, own_types.oid::regtype::text,
        format('CREATE TYPE %I AS (%s)', typname, coalesce((
            SELECT string_agg(definition, ', ' ORDER BY attnum) FROM columns WHERE attrelid = typrelid
        ), ''))
    FROM own_types WHERE typtype = 'c' AND node_oid = own_types.oid
    UNION ALL
    -- Sequences
    SELECT 'pg_class'::regclass, relations.oid, 0, 1, relations.oid::regclass::text, format(
        'CREATE %sSEQUENCE %I AS %s START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s%s',
        CASE relpersistence WHEN 'u' THEN 'UNLOGGED ' ELSE '' END, relname, format_type(seqtypid, NULL), seqstart,
        seqincrement, seqmin, seqmax, seqcache, CASE WHEN seqcycle THEN ' CYCLE' ELSE '' END
    )
    FROM relations JOIN pg_sequence ON seqrelid = relations.oid
    WHERE NOT EXISTS (SELECT FROM identities WHERE identities.oid = relations.oid)
    UNION ALL
    -- PostgreSQL qualifies the name of the function itself, and nothing else.
    SELECT 'pg_proc'::regclass, procs.oid, 0, 2, procs.oid::regprocedure::text,
        CASE WHEN starts_with(def, prefix || '(') THEN 'CREATE ' || word || ' ' || quote_ident(proname) || substr(
            CASE WHEN pin.setting = ANY (proconfig) AND strpos(def, clause) > 0
                THEN overlay(def PLACING '' FROM strpos(def, clause) FOR length(clause)) ELSE def END,
            length(prefix) + 1
        ) END
    FROM procs CROSS JOIN pin CROSS JOIN space
    CROSS JOIN LATERAL (SELECT CASE prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END) AS words (word)
    CROSS JOIN LATERAL (
        SELECT pg_get_functiondef(procs.oid),
            'CREATE OR REPLACE ' || word || ' ' || quote_ident(nspname) || '.' || quote_ident(proname)
    ) AS defs (def, prefix)
    WHERE prokind IN ('f', 'p')
    UNION ALL
    SELECT 'pg_proc'::regclass, procs.oid, 0, 2, procs.oid::regprocedure::text,
        format('CREATE AGGREGATE %I(%s) (%s)', proname, coalesce(nullif(pg_get_function_arguments(procs.oid), ''), '*'), concat_ws(', ',
            aggregate_functions.sql, 'STYPE = ' || format_type(aggtranstype, NULL), 'SSPACE = ' || nullif(aggtransspace, 0),
            CASE WHEN aggfinalextra THEN 'FINALFUNC_EXTRA' END,
            'FINALFUNC_MODIFY = ' || CASE aggfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END,
            'INITCOND = ' || quote_literal(agginitval),
            'MSTYPE = ' || CASE WHEN aggmtranstype <> 0 THEN format_type(aggmtranstype, NULL) END,
            'MSSPACE = ' || nullif(aggmtransspace, 0), CASE WHEN aggmfinalextra THEN 'MFINALFUNC_EXTRA' END,
            'MFINALFUNC_MODIFY = ' || CASE WHEN aggmtranstype <> 0 THEN
                CASE aggmfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END
            END,
            'MINITCOND = ' || quote_literal(aggminitval),
            'SORTOP = ' || (
                SELECT format('OPERATOR(%I.%s)', nspname, oprname)
                FROM pg_operator JOIN pg_namespace ON pg_namespace.oid = oprnamespace WHERE pg_operator.oid = aggsortop
            ),
            'PARALLEL = ' || CASE proparallel WHEN 's' THEN 'SAFE' WHEN 'r' THEN 'RESTRICTED' ELSE 'UNSAFE' END,
            CASE aggkind WHEN 'h' THEN 'HYPOTHETICAL' END
        ))
    FROM procs JOIN pg_aggregate ON pg_aggregate.aggfnoid = procs.oid
    JOIN aggregate_functions ON aggregate_functions.aggfnoid = pg_aggregate.aggfnoid
    UNION ALL
    -- Text search
    SELECT 'pg_ts_dict'::regclass, search_dictionaries.oid, 0, 0, dictname,
        format('CREATE TEXT SEARCH DICTIONARY %I (TEMPLATE = %I.%I%s)', dictname, nspname, tmplname, ', ' || dictinitoption)
    FROM search_dictionaries JOIN pg_ts_template AS template ON template.oid = dicttemplate
    JOIN pg_namespace ON pg_namespace.oid = tmplnamespace
    UNION ALL
    SELECT 'pg_ts_config'::regclass, config.oid, 0, 0, cfgname,
        format('CREATE TEXT SEARCH CONFIGURATION %I (PARSER = %I.%I)', cfgname, nspname, prsname)
    FROM search_configurations AS config JOIN pg_ts_parser AS parser ON parser.oid = cfgparser
    JOIN pg_namespace ON pg_namespace.oid = prsnamespace
    UNION ALL
    SELECT 'pg_ts_config'::regclass, config.oid, 0, 1, cfgname,
        format('ALTER TEXT SEARCH CONFIGURATION %I ADD MAPPING FOR %I WITH %s', cfgname, token.alias,
            string_agg(mapdict::regdictionary::text, ', ' ORDER BY mapseqno))
    FROM search_configurations AS config JOIN pg_ts_config_map ON mapcfg = config.oid
    CROSS JOIN LATERAL ts_token_type(cfgparser) AS token WHERE token.tokid = maptokentype
    GROUP BY config.oid, cfgname, token.alias
    UNION ALL
    -- Tables
    SELECT CASE WHEN generation IS NULL THEN 'pg_class'::regclass END, CASE WHEN generation IS NULL THEN relations.oid END,
        CASE WHEN generation IS NULL THEN 0 ELSE -1 END, coalesce(generation, 3), relations.oid::regclass::text,
        format('CREATE %sTABLE %I (', CASE relpersistence WHEN 'u' THEN 'UNLOGGED ' ELSE '' END, relname)
        || CASE WHEN generation IS NULL THEN concat_ws(', ',
            (SELECT string_agg(concat_ws(' ', definition, identity, default_value, not_null), ', ' ORDER BY attnum)
                FROM columns WHERE attrelid = relations.oid),
            (SELECT string_agg(sql, ', ' ORDER BY contype <> 'n', conname) FROM made_with WHERE conrelid = relations.oid)
        ) ELSE '' END || ')'
        || coalesce((SELECT format(' INHERITS (%s)', string_agg(parent::regclass::text, ', ' ORDER BY inhseqno))
            FROM inheritance WHERE child = relations.oid GROUP BY child), '')
        || coalesce(' PARTITION BY ' || CASE relkind WHEN 'p' THEN pg_get_partkeydef(relations.oid) END, '')
        || coalesce(' USING ' || quote_ident(amname), '') || coalesce(options.sql, '')
    FROM relations LEFT JOIN pg_am ON pg_am.oid = relam LEFT JOIN options ON options.oid = relations.oid
    LEFT JOIN families ON families.table_oid = relations.oid
    WHERE relkind IN ('r', 'p')
    UNION ALL
    -- Parents and children
    SELECT (own.node >> 32)::oid, attrelid, 0, 0, attrelid::regclass || '.' || columns.attname,
        format('ALTER TABLE %s ADD COLUMN %s', attrelid::regclass, definition)
    FROM family_columns AS own JOIN columns ON attrelid = own.table_oid AND columns.attnum = own.attnum WHERE attislocal
    UNION ALL
    SELECT 'pg_class'::regclass, attrelid, 0, 0, attrelid::regclass || '.' || attname,
        format('ALTER TABLE ONLY %s ALTER COLUMN %I SET NOT NULL', attrelid::regclass, attname)
    FROM families JOIN columns ON attrelid = table_oid WHERE not_null IS NOT NULL
    UNION ALL
    SELECT (CASE contype WHEN 'n' THEN not_null_part << 16 ELSE 0 END + 'pg_class'::regclass::oid::bigint)::oid, conrelid, 0, 2,
        conrelid::regclass || '.' || conname, format('ALTER TABLE %s ADD %s', conrelid::regclass, sql)
    FROM families JOIN made_with ON conrelid = table_oid WHERE conislocal
    UNION ALL
    SELECT 'pg_class'::regclass, attrelid, 0, 1, attrelid::regclass || '.' || attname,
        format('ALTER TABLE ONLY %s ALTER COLUMN %I %s', attrelid::regclass, attname,
            coalesce('ADD ' || identity, 'SET ' || default_value))
    FROM families JOIN columns ON attrelid = table_oid WHERE identity IS NOT NULL OR default_value IS NOT NULL
    UNION ALL
    SELECT 'pg_class'::regclass, attrelid, 0, 3, attrelid::regclass || '.' || attname,
        format('ALTER TABLE ONLY %s ', attrelid::regclass) || concat_ws(', ',
            CASE WHEN attstattarget >= 0 THEN format('ALTER COLUMN %I SET STATISTICS %s', attname, attstattarget) END,
            CASE WHEN attcompression <> '' THEN format(
                'ALTER COLUMN %I SET COMPRESSION %s', attname, CASE attcompression WHEN 'p' THEN 'pglz' ELSE 'lz4' END
            ) END,
            CASE WHEN attstorage <> typstorage THEN format(
                'ALTER COLUMN %I SET STORAGE %s', attname,
                CASE attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END
            ) END,
            CASE WHEN attoptions IS NOT NULL THEN format('ALTER COLUMN %I SET (%s)', attname, (
                SELECT string_agg(format('%I=%L', split_part(option, '=', 1), substr(option, strpos(option, '=') + 1)), ', ' ORDER BY place)
                FROM unnest(attoptions) WITH ORDINALITY AS options (option, place)
            )) END
        )
    FROM columns JOIN relations ON attrelid = relations.oid AND relkind IN ('r', 'p')
    WHERE attstattarget >= 0 OR attcompression <> '' OR attstorage <> typstorage OR attoptions IS NOT NULL
    UNION ALL
    -- The definition of a constraint leaves these out.
    SELECT 'pg_class'::regclass, indrelid, 0, 3, indrelid::regclass || '.' || relname, format(
        'ALTER INDEX %s SET (%s)', indexrelid::regclass,
        (SELECT string_agg(format('%I=%L', split_part(option, '=', 1), substr(option, strpos(option, '=') + 1)), ', ' ORDER BY place)
            FROM unnest(reloptions) WITH ORDINALITY AS options (option, place))
    )
    FROM indexes WHERE constraint_oid IS NOT NULL AND reloptions IS NOT NULL
    UNION ALL
    -- Views
    SELECT 'pg_class'::regclass, relations.oid, 0, 4, relations.oid::regclass::text,
        CASE relkind
            WHEN 'v' THEN format('CREATE VIEW %I', relname) || coalesce(options.sql, '')
            ELSE format('CREATE MATERIALIZED VIEW %I USING %I', relname, amname) || coalesce(options.sql, '')
        END
        || ' AS ' || rtrim(pg_get_viewdef(relations.oid), ';')
        || CASE WHEN relkind = 'm' THEN ' WITH NO DATA' ELSE '' END
    FROM relations LEFT JOIN pg_am ON pg_am.oid = relam LEFT JOIN options ON options.oid = relations.oid
    WHERE relkind IN ('v', 'm')
    UNION ALL
    -- Indexes
    SELECT 'pg_class'::regclass, indexrelid, 0, 5, indexrelid::regclass::text, pg_get_indexdef(indexrelid, 0, true)
    FROM indexes WHERE constraint_oid IS NULL
    UNION ALL
    -- After the rows
    SELECT NULL, NULL, 1, 0, objid::regclass::text,
        format('ALTER SEQUENCE %s OWNED BY %s.%I', objid::regclass, refobjid::regclass, attname)
    FROM relations AS sequences JOIN pg_depend
        ON classid = 'pg_class'::regclass AND objid = sequences.oid AND refclassid = 'pg_class'::regclass
        AND refobjsubid > 0 AND deptype = 'a'
    JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
    WHERE relkind = 'S'
    UNION ALL
    -- A partition has its own indexes and constraints. Those that are like its parent's become parts of them.
    SELECT NULL, NULL, 1, 1, oid::regclass::text,
        format('ALTER TABLE %s ATTACH PARTITION %s %s', inhparent::regclass, oid::regclass, pg_get_expr(relpartbound, oid))
    FROM relations JOIN pg_inherits ON inhrelid = relations.oid WHERE relispartition
    UNION ALL
    SELECT NULL, NULL, 2, 0, conrelid::regclass::text,
        format('ALTER TABLE %s %s', conrelid::regclass, string_agg(
            format('ADD CONSTRAINT %I %s', conname, pg_get_constraintdef(constraints.oid)), ', ' ORDER BY conname
        ))
    FROM constraints WHERE conrelid <> 0 AND (contype = 'f' OR NOT convalidated) AND contype <> 't' AND conparentid = 0 AND conislocal
    GROUP BY conrelid
    UNION ALL
    SELECT NULL, NULL, 2, 1, contypid::regtype || '.' || conname,
        format('ALTER DOMAIN %s ADD CONSTRAINT %I %s', contypid::regtype, conname, pg_get_constraintdef(constraints.oid))
    FROM constraints WHERE contypid <> 0 AND NOT convalidated
    UNION ALL
    SELECT NULL, NULL, 2, 2, stxname, CASE WHEN starts_with(def, prefix)
        THEN 'CREATE STATISTICS ' || quote_ident(stxname) || substr(def, length(prefix) + 1) END
    FROM statistics CROSS JOIN space CROSS JOIN LATERAL (
        SELECT pg_get_statisticsobjdef(statistics.oid), format('CREATE STATISTICS %I.%I', nspname, stxname)
    ) AS defs (def, prefix)
    UNION ALL
    SELECT NULL, NULL, 2, 3, stxname, format('ALTER STATISTICS %I SET STATISTICS %s', stxname, stxstattarget)
    FROM statistics WHERE stxstattarget >= 0
    UNION ALL
    SELECT 'pg_class'::regclass, relations.oid, 3, 0, relations.oid::regclass::text, format('REFRESH MATERIALIZED VIEW %s', relations.oid::regclass)
    FROM relations WHERE relkind = 'm' AND relispopulated
    UNION ALL
    SELECT NULL, NULL, 4, 0, tgrelid::regclass || '.' || tgname, pg_get_triggerdef(triggers.oid, true)
    FROM triggers WHERE NOT tgisinternal AND tgparentid = 0
    UNION ALL
    SELECT NULL, NULL, 5, 0, tgrelid::regclass || '.' || tgname, format(
        'ALTER TABLE %s %s TRIGGER %I', tgrelid::regclass,
        CASE tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, tgname
    )
    FROM triggers WHERE NOT tgisinternal AND tgenabled <> 'O'
    UNION ALL
    SELECT NULL, NULL, 6, 0, polrelid::regclass || '.' || polname,
        format('CREATE POLICY %I ON %s AS %s FOR %s TO %s', polname, polrelid::regclass,
            CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
            CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
                ELSE 'ALL' END,
            (SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE role::regrole::text END, ', ' ORDER BY role::regrole::text)
                FROM unnest(polroles) AS role))
        || coalesce(' USING (' || pg_get_expr(polqual, polrelid) || ')', '')
        || coalesce(' WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')', '')
    FROM policies
    UNION ALL
    SELECT NULL, NULL, 7, 0, oid::regclass::text, format('ALTER TABLE %s ', oid::regclass) || concat_ws(', ',
        CASE WHEN relrowsecurity THEN 'ENABLE ROW LEVEL SECURITY' END,
        CASE WHEN relforcerowsecurity THEN 'FORCE ROW LEVEL SECURITY' END,
        CASE relreplident WHEN 'n' THEN 'REPLICA IDENTITY NOTHING' WHEN 'f' THEN 'REPLICA IDENTITY FULL' END,
        (SELECT format('REPLICA IDENTITY USING INDEX %I', relname) FROM indexes WHERE indrelid = relations.oid AND indisreplident),
        (SELECT format('CLUSTER ON %I', relname) FROM indexes WHERE indrelid = relations.oid AND indisclustered)
    )
    FROM relations
    WHERE relkind IN ('r', 'p') AND (
        relrowsecurity OR relforcerowsecurity OR relreplident IN ('n', 'f')
        OR EXISTS (SELECT FROM indexes WHERE indrelid = relations.oid AND (indisreplident OR indisclustered))
    )
    UNION ALL
    SELECT NULL, NULL, 8, 0, word, format('COMMENT ON %s IS %L', word, description)
    FROM known JOIN pg_description ON pg_description.classoid = classid AND pg_description.objoid = objid
    CROSS JOIN LATERAL (
        SELECT format('%s %s', CASE relkind WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'TABLE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                WHEN 'S' THEN 'SEQUENCE' ELSE 'INDEX' END, objid::regclass)
        FROM pg_class WHERE classid = 'pg_class'::regclass AND objsubid = 0 AND pg_class.oid = objid
        UNION ALL
        SELECT format('COLUMN %s.%I', objid::regclass, attname)
        FROM pg_attribute WHERE classid = 'pg_class'::regclass AND attrelid = objid AND attnum = objsubid AND objsubid > 0
        UNION ALL
        SELECT format('%s %s', CASE typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, objid::regtype)
        FROM pg_type WHERE classid = 'pg_type'::regclass AND pg_type.oid = objid
        UNION ALL
        SELECT format('%s %s', CASE prokind WHEN 'p' THEN 'PROCEDURE' WHEN 'a' THEN 'ROUTINE' ELSE 'FUNCTION' END, objid::regprocedure)
        FROM procs WHERE classid = 'pg_proc'::regclass AND procs.oid = objid
        UNION ALL
        SELECT CASE conrelid WHEN 0 THEN format('CONSTRAINT %I ON DOMAIN %s', conname, contypid::regtype)
            ELSE format('CONSTRAINT %I ON %s', conname, conrelid::regclass) END
        FROM constraints WHERE classid = 'pg_constraint'::regclass AND constraints.oid = objid
        UNION ALL
        SELECT format('TRIGGER %I ON %s', tgname, tgrelid::regclass)
        FROM triggers WHERE classid = 'pg_trigger'::regclass AND triggers.oid = objid
        UNION ALL
        SELECT format('POLICY %I ON %s', polname, polrelid::regclass)
        FROM policies WHERE classid = 'pg_policy'::regclass AND policies.oid = objid
        UNION ALL
        SELECT format('STATISTICS %I', stxname) FROM statistics WHERE classid = 'pg_statistic_ext'::regclass AND statistics.oid = objid
        UNION ALL
        SELECT format('TEXT SEARCH DICTIONARY %I', dictname)
        FROM search_dictionaries AS dict WHERE classid = 'pg_ts_dict'::regclass AND dict.oid = objid
        UNION ALL
        SELECT format('TEXT SEARCH CONFIGURATION %I', cfgname)
        FROM search_configurations AS config WHERE classid = 'pg_ts_config'::regclass AND config.oid = objid
    ) AS words (word)
    UNION ALL
    SELECT NULL, NULL, 9, 0, words, format('REVOKE %s ON %s FROM %s', string_agg(privilege_type, ', ' ORDER BY privilege_type), words,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END)
    FROM taken JOIN rights_on USING (classid, objid) GROUP BY words, grantee
    UNION ALL
    SELECT NULL, NULL, 9, 1, words, format('GRANT %s ON %s TO %s%s',
        string_agg(privilege_type || coalesce(' (' || quote_ident(attname) || ')', ''), ', ' ORDER BY attname, privilege_type), words,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
        CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM given JOIN rights_on USING (classid, objid)
    LEFT JOIN pg_attribute ON attrelid = objid AND attnum = objsubid AND objsubid > 0
    GROUP BY words, grantee, is_grantable
    UNION ALL
    -- What is said of the schema itself: `name` comes before its name, and `sql` after it.
    SELECT NULL, NULL, 10, 0, 'COMMENT ON SCHEMA', format('IS %L', description)
    FROM space JOIN pg_description ON classoid = 'pg_namespace'::regclass AND objoid = space.oid
    UNION ALL
    SELECT NULL, NULL, 10, 1, format('REVOKE %s ON SCHEMA', privilege_type),
        'FROM ' || CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END
    FROM taken WHERE classid = 'pg_namespace'::regclass
    UNION ALL
    SELECT NULL, NULL, 10, 2, format('GRANT %s ON SCHEMA', privilege_type),
        'TO ' || CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END
        || CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
    FROM given WHERE classid = 'pg_namespace'::regclass
    UNION ALL
    SELECT NULL, NULL, 10, 3, format('ALTER DEFAULT PRIVILEGES FOR ROLE %s IN SCHEMA', defaclrole::regrole),
        format('GRANT %s ON %s TO %s%s', privilege_type,
            CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'ROUTINES' WHEN 'T' THEN 'TYPES' END,
            CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM default_rights
)
SELECT (node_class::bigint << 32) + node_oid::bigint AS node, stage, rank, name, sql
FROM statements ORDER BY stage, rank, name COLLATE "C", sql COLLATE "C"
