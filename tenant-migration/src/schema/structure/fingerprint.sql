-- All that the catalogs say of the schema $1, but for what differs between two schemas of the same structure: the numbers
-- of objects, what is where on disk, statistics, rights of the role $3, and columns that were dropped. It does not know how the
-- statements are made. New columns of the catalogs are taken in by themselves.
, lines (object, content) AS (
    SELECT 'relation ' || oid::regclass, to_jsonb(relations) - ARRAY[
            'oid', 'relnamespace', 'reltype', 'reloftype', 'relowner', 'relam', 'relfilenode', 'reltablespace', 'relpages',
            'reltuples', 'relallvisible', 'relallfrozen', 'reltoastrelid', 'relhasindex', 'relhastriggers', 'relhasrules',
            'relhassubclass', 'relnatts', 'relfrozenxid', 'relminmxid', 'relacl', 'relrewrite', 'relpartbound'
        ] || jsonb_build_object(
            'am', (SELECT amname FROM pg_am WHERE pg_am.oid = relam),
            'toast', (SELECT to_jsonb(toast.reloptions) FROM pg_class AS toast WHERE toast.oid = relations.reltoastrelid),
            'key', CASE relkind WHEN 'p' THEN pg_get_partkeydef(oid) END, 'bound', pg_get_expr(relpartbound, oid)
        )
    FROM relations
    UNION ALL
    SELECT 'parents of ' || inhrelid::regclass, jsonb_agg(inhparent::regclass::text ORDER BY inhseqno)
    FROM (SELECT oid FROM relations UNION ALL SELECT indexrelid FROM indexes) AS part JOIN pg_inherits ON inhrelid = part.oid
    GROUP BY inhrelid
    UNION ALL
    SELECT 'index ' || indexrelid::regclass, to_jsonb(class) - ARRAY[
            'oid', 'relnamespace', 'reltype', 'reloftype', 'relowner', 'relam', 'relfilenode', 'reltablespace', 'relpages',
            'reltuples', 'relallvisible', 'relallfrozen', 'reltoastrelid', 'relfrozenxid', 'relminmxid', 'relacl', 'relrewrite'
        ] || jsonb_build_object('definition', pg_get_indexdef(indexrelid, 0, true), 'is',
            (SELECT to_jsonb(index) - ARRAY[
                'indexrelid', 'indrelid', 'indkey', 'indcollation', 'indclass', 'indexprs', 'indpred', 'indcheckxmin'
            ] FROM pg_index AS index WHERE index.indexrelid = indexes.indexrelid)
        )
    FROM indexes JOIN pg_class AS class ON class.oid = indexrelid
    UNION ALL
    SELECT 'column ' || attrelid::regclass || '.' || attname, to_jsonb(attribute) - ARRAY[
            'attrelid', 'atttypid', 'attnum', 'attcacheoff', 'attndims', 'attcollation', 'attacl', 'atthasmissing',
            'attmissingval'
        ] || jsonb_build_object(
            'position', row_number() OVER (PARTITION BY attrelid ORDER BY attnum),
            'type', format_type(atttypid, atttypmod), 'collation', attcollation::regcollation::text
        )
    FROM (SELECT oid FROM relations UNION ALL SELECT indexrelid FROM indexes) AS of
    JOIN pg_attribute AS attribute ON attrelid = of.oid AND attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT 'default ' || adrelid::regclass || '.' || attname, to_jsonb(pg_get_expr(adbin, adrelid))
    FROM defaults JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
    UNION ALL
    SELECT concat_ws(' ', 'constraint', conname, conrelid::regclass, contypid::regtype), to_jsonb(constraints) - ARRAY[
            'oid', 'connamespace', 'conrelid', 'contypid', 'conindid', 'conparentid', 'confrelid', 'conkey', 'confkey',
            'conpfeqop', 'conppeqop', 'conffeqop', 'conexclop', 'conbin', 'confdelsetcols',
            -- A partition's key has it or not, by the way in which it was made. It means nothing there.
            CASE WHEN contype IN ('p', 'u', 'x') THEN 'connoinherit' END
        ] || jsonb_build_object(
            'definition', pg_get_constraintdef(oid), 'index', conindid::regclass::text, 'to', confrelid::regclass::text,
            'operators', jsonb_build_array(conpfeqop::regoperator[]::text, conppeqop::regoperator[]::text, conffeqop::regoperator[]::text,
                conexclop::regoperator[]::text)
        )
    FROM constraints
    UNION ALL
    SELECT 'sequence ' || seqrelid::regclass,
        to_jsonb(pg_sequence) - ARRAY['seqrelid', 'seqtypid'] || jsonb_build_object('type', format_type(seqtypid, NULL))
    FROM relations JOIN pg_sequence ON seqrelid = relations.oid
    UNION ALL
    -- Those that PostgreSQL makes have a number in their names.
    SELECT concat_ws(' ', 'trigger', tgrelid::regclass, CASE WHEN tgisinternal THEN concat_ws(
            ' ', (SELECT conname FROM pg_constraint WHERE pg_constraint.oid = tgconstraint), tgfoid::regproc, tgtype
        ) ELSE tgname END), to_jsonb(triggers) - ARRAY[
            'oid', 'tgrelid', 'tgparentid', 'tgfoid', 'tgconstrrelid', 'tgconstrindid', 'tgconstraint', 'tgattr', 'tgqual',
            'tgname'
        ] || jsonb_build_object(
            'definition', CASE WHEN NOT tgisinternal THEN pg_get_triggerdef(oid, true) END, 'function', tgfoid::regprocedure::text,
            'from', tgconstrrelid::regclass::text
        )
    FROM triggers
    UNION ALL
    SELECT 'rule ' || ev_class::regclass || '.' || rulename,
        jsonb_build_array(ev_enabled, pg_get_ruledef(rules.oid, true), CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(ev_class) END)
    FROM rules JOIN relations ON relations.oid = ev_class
    UNION ALL
    SELECT 'policy ' || polrelid::regclass || '.' || polname, to_jsonb(policies) - ARRAY[
            'oid', 'polrelid', 'polroles', 'polqual', 'polwithcheck'
        ] || jsonb_build_object(
            'roles', polroles::regrole[]::text, 'using', pg_get_expr(polqual, polrelid),
            'check', pg_get_expr(polwithcheck, polrelid)
        )
    FROM policies
    UNION ALL
    SELECT 'type ' || oid::regtype, to_jsonb(types) - ARRAY[
            'node_class', 'node_oid', 'oid', 'typnamespace', 'typowner', 'typrelid', 'typelem', 'typarray', 'typbasetype',
            'typcollation', 'typdefaultbin', 'typdefault', 'typacl'
        ] || jsonb_build_object(
            'of', typelem::regtype::text, 'base', format_type(typbasetype, typtypmod), 'collation', typcollation::regcollation::text,
            'default', pg_get_expr(typdefaultbin, 'pg_type'::regclass),
            'labels', (SELECT jsonb_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = types.oid)
        )
    FROM types
    UNION ALL
    SELECT 'function ' || procs.oid::regprocedure, to_jsonb(procs) - ARRAY[
            'oid', 'pronamespace', 'proowner', 'prolang', 'provariadic', 'prorettype', 'proargtypes', 'proallargtypes',
            'proargdefaults', 'protrftypes', 'prosqlbody', 'proacl', 'proconfig'
        ] || jsonb_build_object(
            'language', (SELECT lanname FROM pg_language WHERE pg_language.oid = prolang),
            'arguments', pg_get_function_arguments(procs.oid), 'result', pg_get_function_result(procs.oid),
            'body', pg_get_function_sqlbody(procs.oid), 'settings', nullif(array_remove(proconfig, (SELECT setting FROM pin)), '{}')
        )
    FROM procs
    UNION ALL
    SELECT 'aggregate ' || aggfnoid::regprocedure, to_jsonb(pg_aggregate) - ARRAY[
            'aggfnoid', 'aggtransfn', 'aggfinalfn', 'aggcombinefn', 'aggserialfn', 'aggdeserialfn', 'aggmtransfn', 'aggminvtransfn',
            'aggmfinalfn', 'aggsortop', 'aggtranstype', 'aggmtranstype'
        ] || jsonb_build_object(
            'functions', ARRAY[aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn, aggmtransfn, aggminvtransfn,
                aggmfinalfn]::oid[]::regprocedure[]::text,
            'types', ARRAY[aggtranstype, aggmtranstype]::regtype[]::text, 'operator', aggsortop::regoperator::text
        )
    FROM procs JOIN pg_aggregate ON aggfnoid = procs.oid
    UNION ALL
    SELECT 'statistics ' || stxname, to_jsonb(statistics) - ARRAY[
            'oid', 'stxrelid', 'stxnamespace', 'stxowner', 'stxkeys', 'stxexprs'
        ] || jsonb_build_object('of', stxrelid::regclass::text, 'definition', replace(
            pg_get_statisticsobjdef(statistics.oid), format('CREATE STATISTICS %I.', nspname), 'CREATE STATISTICS '
        ))
    FROM statistics CROSS JOIN space
    UNION ALL
    SELECT 'text search dictionary ' || dictname, jsonb_build_array(dictinitoption, tmplname, tmplnamespace::regnamespace::text)
    FROM search_dictionaries JOIN pg_ts_template AS template ON template.oid = dicttemplate
    UNION ALL
    SELECT 'text search configuration ' || cfgname, jsonb_build_array(prsname, prsnamespace::regnamespace::text, (
            SELECT jsonb_agg(jsonb_build_array(maptokentype, mapdict::regdictionary::text) ORDER BY maptokentype, mapseqno)
            FROM pg_ts_config_map WHERE mapcfg = config.oid
        ))
    FROM search_configurations AS config JOIN pg_ts_parser AS parser ON parser.oid = cfgparser
    UNION ALL
    SELECT 'comment on the schema', to_jsonb(description)
    FROM space JOIN pg_description ON classoid = 'pg_namespace'::regclass AND objoid = space.oid
    UNION ALL
    SELECT CASE classid WHEN 'pg_namespace'::regclass THEN 'rights on the schema'
            ELSE 'rights on ' || pg_describe_object(classid, objid, objsubid) END,
        jsonb_agg(jsonb_build_array(word, grantee::regrole::text, privilege_type, is_grantable)
            ORDER BY word, grantee, privilege_type, is_grantable)
    FROM (
        SELECT 'given' AS word, * FROM given
        UNION ALL
        SELECT 'taken', classid, objid, 0, grantor, grantee, privilege_type, is_grantable FROM taken
    ) AS rights
    GROUP BY classid, objid, objsubid
    UNION ALL
    SELECT 'default rights', jsonb_agg(
            jsonb_build_array(defaclrole::regrole::text, defaclobjtype, grantee::regrole::text, privilege_type, is_grantable)
            ORDER BY defaclrole, defaclobjtype, grantee, privilege_type, is_grantable)
    FROM default_rights HAVING count(*) > 0
    UNION ALL
    SELECT 'comment on ' || pg_describe_object(classid, objid, objsubid), to_jsonb(description)
    FROM known JOIN pg_description ON classoid = classid AND objoid = objid
    UNION ALL
    -- What every expression is bound to. Names that PostgreSQL makes are left out with what they depend on.
    SELECT 'dependency of ' || pg_describe_object(classid, objid, 0), jsonb_agg(DISTINCT
            CASE refclassid WHEN 'pg_namespace'::regclass THEN 'its schema' ELSE pg_describe_object(refclassid, refobjid, refobjsubid) END
            || ' ' || deptype::text)
    FROM known JOIN pg_depend USING (classid, objid)
    WHERE NOT (classid = 'pg_trigger'::regclass AND EXISTS (SELECT FROM triggers WHERE oid = objid AND tgisinternal))
        AND NOT (classid = 'pg_class'::regclass
            AND (SELECT relnamespace FROM pg_class WHERE pg_class.oid = objid) = 'pg_toast'::regnamespace)
        AND NOT (refclassid = 'pg_namespace'::regclass AND refobjid <> (SELECT oid FROM space))
    GROUP BY classid, objid
)
SELECT object, content::text FROM lines ORDER BY object COLLATE "C", content::text COLLATE "C"
