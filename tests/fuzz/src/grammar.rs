//! Statements of PostgreSQL that are made of choices: tables of the tenant, shared ones, unknown ones and another
//! tenant's, in every place where a name may stand, with all that lexers disagree about in between.

use arbitrary::Unstructured;

/// Maximal nesting of queries.
const MAX_DEPTH: usize = 5;

/// Maximal length of a text, in bytes.
const MAX_BYTES: usize = 16 * 1024;

/// The statement that the choices in `choices` stand for.
pub(crate) fn statement(choices: &mut Unstructured<'_>) -> String {
    let mut writer = Writer {
        choices,
        sql: String::new(),
        depth: 0,
    };
    writer.statement();
    writer.sql
}

/// Words for a place in a statement: those that are usual there, and those that are not.
#[derive(Clone, Copy)]
struct Words {
    usual: &'static [&'static str],
    odd: &'static [&'static str],
}

const TABLES: Words = Words {
    usual: &[
        "note",
        "NOTE",
        "\"note\"",
        "\"Odd Name\"",
        "tag",
        "plan",
        "\"plan\"",
        "\"$tenant\".note",
        "\"$tenant\" . \"tag\"",
        "\"$tenant\".other",
        "public.plan",
        "PUBLIC.\"plan\"",
    ],
    odd: &[
        "public.note",
        "reference.country",
        "both",
        "secret",
        "\"Note\"",
        "globex.note",
        "\"globex\".\"note\"",
        "GLOBEX . note",
        "globex/**/.note",
        "globex.\nnote",
        "\"acme\".note",
        "pg_catalog.pg_class",
        "information_schema.tables",
        "app.globex.note",
        "ONLY note",
        "ONLY (globex.note)",
        "note *",
        "cte",
        "u&\"note\"",
        "\"gl\"\"obex\".note",
        "nöte",
        "n\u{f6}te.note",
    ],
};

const FUNCTIONS: Words = Words {
    usual: &[
        "lower",
        "count",
        "now",
        "coalesce",
        "total",
        "slug",
        "\"$tenant\".total",
        "public.slug",
        "pg_catalog.lower",
    ],
    odd: &[
        "public.total",
        "forgotten",
        "public.forgotten",
        "regclassout",
        "regtypesend",
        "pg_typeof",
        "setseed",
        "isn_weak",
        "to_tsvector",
        "ts_headline",
        "regclass",
        "pg_class",
        "fuzz_mood",
        "text",
        "merge_action",
        "current_schema",
        "json_populate_record",
        "globex.total",
        "\"globex\" . \"total\"",
        "app.globex.total",
        "treat",
        "set_config",
        "pg_catalog.set_config",
        "\"set_config\"",
        "nextval",
        "to_regclass",
        "pg_relation_size",
        "query_to_xml",
        "json_object",
        "json_value",
        "xmlelement",
        "left",
        "any",
        "extract",
        "substring",
        "position",
        "note",
        "array",
        "row",
        "interval",
        "convert",
        "generate_series",
        "grouping",
        "only",
    ],
};

const TYPES: Words = Words {
    usual: &[
        "int",
        "text",
        "\"text\"",
        "numeric(10, 2)",
        "double precision",
        "timestamp with time zone",
        "fuzz_mood",
        "\"fuzz_mood\"",
        "\"fuzz_mood\"[]",
        "fuzz_level",
        "\"$tenant\".fuzz_mood",
        "mail",
        "note",
        "plan",
    ],
    odd: &[
        "globex.mood",
        "\"globex\".\"mood\"[]",
        "pg_catalog.int4",
        "pg_catalog.pg_type",
        "pg_sequences",
        "_regclass",
        "aclitem",
        "unknown",
        "setof int",
        "note%TYPE",
        "double",
        "regclass",
        "pg_catalog.regclass",
        "\"regclass\"[]",
        "regconfig",
        "weather",
        "interval day to second",
        "bit varying(3)",
        "datetime",
        "globex.note.id",
        "int array[3]",
        "char",
        "name",
        "enum('a')",
    ],
};

const COLUMNS: Words = Words {
    usual: &["id", "title", "t.id", "note.id", "\"note\".\"id\""],
    odd: &[
        "globex.id",
        "globex.note.id",
        "\"$tenant\".note.id",
        "public.plan.id",
        "a.b.c.d",
        "t.*",
        "*",
        "globex.note.*",
        "(t).id",
        "(globex).note",
        "t.nextval",
        "('globex.s').nextval",
        "$1.nextval",
        "globex.note.id[1]",
        "t.id[1].x",
        "interval",
        "\"$tenant\"",
        "end",
        "excluded.id",
        "default",
        "current_date",
    ],
};

const LITERALS: Words = Words {
    usual: &["1", "1.5e3"],
    odd: &[
        "1_000",
        "0x1F",
        "1.",
        ".5",
        "$1",
        "$2::int",
        "$1$ 1 $1$",
        "'a'",
        "'it''s'",
        "'\\'",
        "E'\\''",
        "e'\\\\'",
        "E'\\' FROM globex.note --'",
        "U&'\\0027'",
        "U&'d!0061' UESCAPE '!'",
        "N'x'",
        "B'01'",
        "X'1F'",
        "$$ FROM globex.note $$",
        "$a$ ' $$ $a$",
        "$ä$ ' $ä$",
        "'a' 'b'",
        "'a'\n'b'",
        "E'a'\n'\\''",
        "'a' -- c\n 'b'",
        "'globex.note'",
        "'\u{0}'",
        "'😀'",
        "NULL",
        "true",
        "globex.mood 'a'",
        "fuzz_mood 'a'",
        "_fuzz_mood '{a}'",
        "date '2026-01-01'",
        "regclass 'globex.note'",
        "interval '1' day",
    ],
};

const OPERATORS: Words = Words {
    usual: &[
        "=",
        "+",
        "-",
        "||",
        "->>",
        "@>",
        "?",
        "~~*",
        "<>",
        "AND",
        "OR",
        "LIKE",
        "NOT ILIKE",
        "IS DISTINCT FROM",
    ],
    odd: &[
        "OPERATOR(globex.+)",
        "OPERATOR(pg_catalog.=)",
        "OPERATOR(+)",
        "COLLATE \"C\" =",
        "COLLATE globex.c =",
        "AT TIME ZONE",
        "SIMILAR TO",
        "OVERLAPS",
        "BETWEEN 1 AND",
        "= ANY",
        "XOR",
        "REGEXP",
        "<+>",
        "^@",
        "@-@",
        "!=-",
        "===",
        "*<>",
        "?|",
        "NOT IN",
        "BETWEEN SYMMETRIC 1 AND",
        "ISNULL AND",
        "AT LOCAL +",
        "::",
        "::regconfig ||",
        "= ANY (VALUES (1)) AND",
        "COLLATE globex.\"C\" ||",
        "OPERATOR(\"$tenant\".+)",
        "OPERATOR(public.+)",
    ],
};

/// Separators of two words.
const SPACES: Words = Words {
    usual: &[" ", " ", " ", " ", " ", "\n", "\t", "\r\n"],
    odd: &[
        "/**/",
        " /* ' */ ",
        " /* /* */ \" */ ",
        " -- '\n",
        " -- \r ",
        " --\u{2028}\n",
        "\u{a0}",
        "\u{3000}",
        "\u{0b}",
        "\u{0c}",
        "\u{feff}",
        "",
        ";",
        "\0",
    ],
};

const ALIASES: Words = Words {
    usual: &["", "AS t", "t", "AS note", "AS \"t\"", "AS globex"],
    odd: &[
        "globex",
        "AS t(a, b)",
        "AS t(a int, b fuzz_mood)",
        "AS t(a globex.mood)",
        "'a'",
        "AS 'a'",
        "AS end",
        "end",
        "TABLESAMPLE system (1)",
        "WITH ORDINALITY",
    ],
};

/// Labels of a query's values.
const LABELS: Words = Words {
    usual: &["", "AS t", "t", "AS note", "AS end"],
    odd: &[
        "end",
        "'a'",
        "AS 'a'",
        "AS \"$tenant\"",
        "globex.x",
        "start",
        "AS t(a)",
    ],
};

const NAMES: &[&str] = &[
    "note", "plan", "cte", "\"note\"", "NOTE", "globex", "secret", "tag",
];

const ORDERS: &[&str] = &[
    "",
    "ASC",
    "DESC NULLS LAST",
    "USING <",
    "USING OPERATOR(globex.<)",
    "USING OPERATOR(pg_catalog.<)",
];

const LOCKS: &[&str] = &[
    "FOR UPDATE",
    "FOR SHARE OF t SKIP LOCKED",
    "FOR UPDATE OF globex.note",
    "FOR NO KEY UPDATE NOWAIT",
    "FOR KEY SHARE OF note",
    "FETCH FIRST 1 ROWS WITH TIES",
];

const WHOLE_STATEMENTS: &[&str] = &[
    "SET search_path = globex",
    "SET LOCAL search_path = globex",
    "COMMIT",
    "TABLE globex.note",
    "TABLE note",
    "COPY note TO STDOUT",
    "TRUNCATE note",
    "DO $$ BEGIN END $$",
    "SELECT 1 INTO x",
    "SHOW search_path",
    "CALL p()",
    "TABLE ONLY (note)",
    "VALUES (1), (DEFAULT)",
    "SELECT * FROM ROWS FROM (total(1), globex.total(2)) AS t",
    "SELECT * FROM note JOIN plan USING (id) AS globex",
    "WITH note AS (SELECT 1) SELECT 1 FROM note UNION SELECT 1 FROM note",
    "(WITH note AS (SELECT 1) SELECT 1 FROM note) UNION SELECT 1 FROM note",
    "WITH RECURSIVE a AS (SELECT 1 AS n) SEARCH DEPTH FIRST BY n SET o CYCLE n SET c USING p SELECT * FROM a, note",
    "INSERT INTO note OVERRIDING SYSTEM VALUE SELECT 1 ON CONFLICT (lower(x) COLLATE globex.c globex.ops) DO NOTHING",
    "INSERT INTO note VALUES (1) ON CONFLICT ON CONSTRAINT globex DO UPDATE SET a['b'] = 1 RETURNING WITH (OLD AS o) o.*",
    "SELECT * FROM json_table('{}', '$' COLUMNS (a globex.mood PATH '$', NESTED '$' COLUMNS (b fuzz_mood))) AS t",
    "SELECT * FROM xmltable('/a' PASSING '<a/>' COLUMNS a fuzz_mood PATH 'b' DEFAULT globex.total(1)) AS t",
    "SELECT count(*) OVER (PARTITION BY globex.total(1) ROWS 1 PRECEDING EXCLUDE TIES) FROM note",
    "SELECT 1 FROM note WINDOW w AS (ORDER BY 1 USING OPERATOR(globex.<)), v AS (w)",
    "SELECT 1 FROM note GROUP BY DISTINCT ROLLUP (a), GROUPING SETS ((globex.total(1)))",
    "SELECT pg_typeof(1)::text, pg_typeof(1)",
    "SELECT to_tsvector('english'::regconfig, title), coalesce('english'::regconfig, 'globex.c') FROM note",
    "DROP INDEX i, globex.i",
    "ALTER TABLE note RENAME TO tag",
    "ALTER TYPE fuzz_mood RENAME VALUE 'a' TO 'b'",
];

struct Writer<'a, 'b> {
    choices: &'a mut Unstructured<'b>,
    sql: String,
    depth: usize,
}

impl Writer<'_, '_> {
    /// One of `options`, the first where the choices are used up.
    fn pick<'o>(&mut self, options: &[&'o str]) -> &'o str {
        let last = options.len() - 1;
        options[self.choices.int_in_range(0..=last).unwrap_or(0)]
    }

    /// One word in six is odd.
    fn words(&mut self, words: Words) {
        let options = if self.choose(6) == 1 {
            words.odd
        } else {
            words.usual
        };
        self.one_of(options);
    }

    /// A number below `count`, 0 where the choices are used up.
    fn choose(&mut self, count: usize) -> usize {
        self.choices.int_in_range(0..=count - 1).unwrap_or(0)
    }

    fn maybe(&mut self) -> bool {
        self.choose(3) == 1
    }

    fn is_full(&self) -> bool {
        self.depth >= MAX_DEPTH || self.sql.len() > MAX_BYTES || self.choices.is_empty()
    }

    /// A word, and a space of some kind before it.
    fn word(&mut self, word: &str) {
        let space = match self.choose(64) {
            1..=5 => self.pick(SPACES.usual),
            6 => self.pick(SPACES.odd),
            _ => " ",
        };
        self.sql.push_str(space);
        self.sql.push_str(word);
    }

    fn one_of(&mut self, options: &[&str]) {
        let word = self.pick(options);
        if !word.is_empty() {
            self.word(word);
        }
    }

    fn statement(&mut self) {
        match self.choose(20) {
            0..=5 | 16.. => self.query(),
            6 => self.insert(),
            7 => self.update(),
            8 => self.delete(),
            9 => self.merge(),
            10 => {
                self.word("EXPLAIN (ANALYZE)");
                self.query();
            }
            11 => self.create_table(),
            12 => self.alter(),
            13 => self.create_index(),
            14 => self.one_of(WHOLE_STATEMENTS),
            15 => {
                self.query();
                self.word(";");
                self.query();
            }
        }
    }

    /// A query, one level deeper.
    fn query(&mut self) {
        self.depth += 1;
        self.with();
        self.body();
        if self.maybe() {
            self.word("ORDER BY");
            self.expr();
            self.one_of(ORDERS);
        }
        if self.maybe() {
            self.word("LIMIT");
            self.expr();
        }
        if self.choose(8) == 1 {
            self.one_of(LOCKS);
        }
        self.depth -= 1;
    }

    fn with(&mut self) {
        if self.is_full() || !self.maybe() {
            return;
        }
        self.one_of(&["WITH", "WITH RECURSIVE"]);
        let count = 1 + self.choose(3);
        for index in 0..count {
            if index > 0 {
                self.word(",");
            }
            self.one_of(NAMES);
            self.one_of(&["AS", "(a, b) AS", "AS MATERIALIZED", "AS NOT MATERIALIZED"]);
            self.word("(");
            match self.choose(5) {
                1 => self.insert(),
                2 => self.update(),
                3 => self.delete(),
                _ => self.query(),
            }
            self.word(")");
        }
    }

    fn body(&mut self) {
        if self.is_full() {
            self.word("SELECT 1");
            return;
        }
        match self.choose(8) {
            1 => self.values(),
            2 => {
                self.body_of_operation();
                self.one_of(&["UNION", "UNION ALL", "INTERSECT", "EXCEPT"]);
                self.body_of_operation();
            }
            3 => {
                self.word("(");
                self.query();
                self.word(")");
            }
            4 if self.choose(8) == 1 => {
                self.word("TABLE");
                self.words(TABLES);
            }
            _ => self.select(),
        }
    }

    fn body_of_operation(&mut self) {
        self.depth += 1;
        self.body();
        self.depth -= 1;
    }

    fn select(&mut self) {
        self.word("SELECT");
        if self.maybe() {
            self.one_of(&["DISTINCT", "ALL", "DISTINCT ON (id)"]);
        }
        self.list(Self::item);
        if self.choose(32) == 1 {
            self.one_of(&["INTO x", "INTO globex.x"]);
        }
        self.word("FROM");
        self.list(Self::from_item);
        if self.maybe() {
            self.word("WHERE");
            self.expr();
        }
        if self.maybe() {
            self.word("GROUP BY");
            self.list(Self::expr);
            self.word("HAVING");
            self.expr();
        }
        if self.maybe() {
            self.word("WINDOW w AS (PARTITION BY");
            self.expr();
            self.word(")");
        }
    }

    fn item(&mut self) {
        self.expr();
        self.words(LABELS);
    }

    /// A list with commas. Some are long, with parts that repeat each other.
    fn list(&mut self, part: fn(&mut Self)) {
        let start = self.sql.len();
        part(self);
        let repeated = self.sql[start..].to_owned();
        let count = match self.choose(24) {
            0..=15 => 0,
            16..=21 => 1,
            22 => 2,
            _ => 40 + self.choose(200),
        };
        for _ in 0..count {
            if self.sql.len() > MAX_BYTES {
                break;
            }
            self.sql.push(',');
            if count > 2 {
                self.sql.push_str(&repeated);
            } else {
                part(self);
            }
        }
    }

    fn from_item(&mut self) {
        if self.is_full() {
            self.word("note");
            return;
        }
        self.depth += 1;
        match self.choose(9) {
            1 => {
                self.one_of(&["(", "LATERAL ("]);
                self.query();
                self.word(")");
            }
            2 => {
                self.one_of(&["", "LATERAL", "ROWS FROM ("]);
                self.call();
            }
            3 => {
                self.from_item();
                self.one_of(&["JOIN", "LEFT JOIN", "CROSS JOIN", "NATURAL JOIN"]);
                self.from_item();
                if self.maybe() {
                    self.word("ON");
                    self.expr();
                }
            }
            4 => {
                self.word("(");
                self.from_item();
                self.word(")");
            }
            _ => self.words(TABLES),
        }
        self.depth -= 1;
        self.words(ALIASES);
    }

    fn call(&mut self) {
        self.words(FUNCTIONS);
        self.sql.push('(');
        if self.choose(8) == 1 {
            self.one_of(&[
                "DISTINCT",
                "VARIADIC",
                "a =>",
                "name a,",
                "*",
                "year from",
                "both 'x' from",
            ]);
        }
        self.list(Self::expr);
        if self.choose(8) == 1 {
            self.one_of(&[
                "RETURNING globex.mood",
                "RETURNING fuzz_mood",
                "RETURNING text",
                "ORDER BY id USING OPERATOR(globex.<)",
                "placing 'x'",
                "AS globex.mood",
                "AS nextval",
            ]);
        }
        self.word(")");
        if self.choose(8) == 1 {
            self.one_of(&[
                "OVER w",
                "OVER (PARTITION BY id)",
                "FILTER (WHERE true)",
                "WITHIN GROUP (ORDER BY id)",
                "IGNORE NULLS",
                "'a'",
            ]);
        }
    }

    fn expr(&mut self) {
        if self.is_full() {
            self.word("1");
            return;
        }
        self.depth += 1;
        match self.choose(16) {
            0..=2 => self.words(COLUMNS),
            3..=5 => self.words(LITERALS),
            6 => self.call(),
            7 => {
                self.one_of(&["(", "EXISTS (", "ARRAY(", "id IN ("]);
                self.query();
                self.word(")");
            }
            8 | 9 => {
                self.expr();
                self.words(OPERATORS);
                self.expr();
            }
            10 => {
                self.word("CAST(");
                self.expr();
                self.word("AS");
                self.words(TYPES);
                self.word(")");
            }
            11 => {
                self.expr();
                self.word("::");
                self.words(TYPES);
            }
            12 => {
                self.word("CASE WHEN");
                self.expr();
                self.word("THEN");
                self.expr();
                self.word("END");
            }
            13 => {
                self.one_of(&["id IN (", "ROW(", "("]);
                self.list(Self::expr);
                self.word(")");
            }
            14 => {
                self.one_of(&["NOT", "-", "OPERATOR(globex.-)"]);
                self.expr();
            }
            _ => {
                self.word("(");
                self.expr();
                self.one_of(&[")", ").id", ")[1]", ").globex.note", ").nextval"]);
            }
        }
        self.depth -= 1;
    }

    fn values(&mut self) {
        self.word("VALUES");
        self.list(Self::row);
    }

    fn row(&mut self) {
        self.word("(");
        self.list(Self::expr);
        self.word(")");
    }

    fn insert(&mut self) {
        self.word("INSERT INTO");
        self.words(TABLES);
        self.words(ALIASES);
        self.one_of(&["", "(id)", "(id, title)", "OVERRIDING SYSTEM VALUE"]);
        match self.choose(3) {
            0 => self.values(),
            1 => self.query(),
            _ => self.word("DEFAULT VALUES"),
        }
        if self.maybe() {
            self.one_of(&[
                "ON CONFLICT DO NOTHING",
                "ON CONFLICT (id) DO UPDATE SET id =",
                "ON CONFLICT ON CONSTRAINT globex.c DO UPDATE SET id =",
            ]);
            self.expr();
        }
        self.returning();
    }

    fn update(&mut self) {
        self.word("UPDATE");
        self.words(TABLES);
        self.words(ALIASES);
        self.one_of(&[
            "SET id =",
            "SET globex.id =",
            "SET (id, title) =",
            "SET id[1] =",
            "SET globex.note.id =",
        ]);
        self.expr();
        if self.maybe() {
            self.word("FROM");
            self.list(Self::from_item);
        }
        self.condition_and_returning();
    }

    fn delete(&mut self) {
        self.word("DELETE FROM");
        self.words(TABLES);
        self.words(ALIASES);
        if self.maybe() {
            self.word("USING");
            self.list(Self::from_item);
        }
        self.condition_and_returning();
    }

    fn merge(&mut self) {
        self.word("MERGE INTO");
        self.words(TABLES);
        self.words(ALIASES);
        self.word("USING");
        self.from_item();
        self.word("ON");
        self.expr();
        self.one_of(&["WHEN MATCHED", "WHEN NOT MATCHED", "WHEN NOT MATCHED BY SOURCE"]);
        if self.maybe() {
            self.word("AND");
            self.expr();
        }
        self.one_of(&[
            "THEN DELETE",
            "THEN DO NOTHING",
            "THEN INSERT VALUES (",
            "THEN UPDATE SET id = (",
        ]);
        if self.maybe() {
            self.expr();
            self.word(")");
        }
        self.returning();
    }

    fn condition_and_returning(&mut self) {
        if self.maybe() {
            self.word("WHERE");
            self.expr();
        }
        self.returning();
    }

    fn returning(&mut self) {
        if self.maybe() {
            self.word("RETURNING");
            self.list(Self::item);
        }
    }

    fn create_table(&mut self) {
        self.one_of(&[
            "CREATE TABLE",
            "CREATE TABLE IF NOT EXISTS",
            "CREATE TEMPORARY TABLE",
            "CREATE UNLOGGED TABLE",
        ]);
        self.words(TABLES);
        self.word("(");
        self.list(Self::column);
        self.word(")");
        if self.maybe() {
            self.one_of(&[
                "INHERITS (globex.note)",
                "PARTITION BY RANGE (id globex.ops)",
                "AS SELECT * FROM note",
                "WITH (fillfactor = 10)",
                "ON COMMIT DROP",
                "TABLESPACE globex",
            ]);
        }
    }

    fn column(&mut self) {
        match self.choose(6) {
            1 => {
                self.one_of(&[
                    "PRIMARY KEY (id)",
                    "UNIQUE (id)",
                    "LIKE note",
                    "LIKE globex.note INCLUDING ALL",
                    "CHECK (true)",
                ]);
            }
            2 => {
                self.word("FOREIGN KEY (id) REFERENCES");
                self.words(TABLES);
            }
            _ => {
                self.one_of(&["id", "\"note\"", "mood"]);
                self.words(TYPES);
                self.one_of(&[
                    "",
                    "NOT NULL",
                    "PRIMARY KEY",
                    "DEFAULT globex.f()",
                    "COLLATE globex.c",
                    "GENERATED ALWAYS AS IDENTITY",
                    "CHECK (globex.f(id))",
                    "REFERENCES globex.note (id)",
                    "REFERENCES tag (id)",
                ]);
            }
        }
    }

    fn alter(&mut self) {
        match self.choose(5) {
            0 => {
                self.word("ALTER TABLE");
                self.words(TABLES);
                self.one_of(&[
                    "ADD COLUMN",
                    "DROP COLUMN id",
                    "ALTER COLUMN id TYPE fuzz_mood",
                    "ALTER COLUMN id TYPE globex.mood",
                    "SET SCHEMA globex",
                    "RENAME TO x",
                    "RENAME COLUMN id TO globex",
                    "INHERIT globex.note",
                    "OWNER TO globex",
                    "ADD CONSTRAINT c UNIQUE USING INDEX i",
                    "ALTER COLUMN id SET DEFAULT globex.f()",
                    "ATTACH PARTITION globex.note DEFAULT",
                    "ADD",
                ]);
                if self.maybe() {
                    self.column();
                }
            }
            1 => {
                self.word("DROP TABLE IF EXISTS");
                self.list(|writer| writer.words(TABLES));
                self.one_of(&["", "CASCADE"]);
            }
            2 => {
                self.word("CREATE TYPE");
                self.words(TYPES);
                self.one_of(&[
                    "AS ENUM ('a', 'b')",
                    "AS (a int)",
                    "AS RANGE (subtype = globex.t)",
                ]);
            }
            3 => {
                self.word("ALTER TYPE");
                self.words(TYPES);
                self.one_of(&[
                    "ADD VALUE 'c'",
                    "RENAME VALUE 'a' TO 'b'",
                    "RENAME TO x",
                    "SET SCHEMA globex",
                    "OWNER TO globex",
                ]);
            }
            _ => {
                self.word("DROP TYPE");
                self.list(|writer| writer.words(TYPES));
            }
        }
    }

    fn create_index(&mut self) {
        self.one_of(&[
            "CREATE INDEX i ON",
            "CREATE UNIQUE INDEX IF NOT EXISTS globex.i ON",
            "CREATE INDEX CONCURRENTLY ON",
            "CREATE INDEX i ON ONLY",
        ]);
        self.words(TABLES);
        self.one_of(&["", "USING gin", "USING globex"]);
        self.word("(");
        self.list(Self::expr);
        self.one_of(&["", "COLLATE globex.c", "globex.ops", "text_pattern_ops DESC"]);
        self.word(")");
        if self.maybe() {
            self.one_of(&[
                "INCLUDE (id)",
                "WITH (fillfactor = 10)",
                "TABLESPACE globex",
                "NULLS NOT DISTINCT",
            ]);
        }
        if self.maybe() {
            self.word("WHERE");
            self.expr();
        }
    }
}
