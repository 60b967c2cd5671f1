//! Compares the rules with squawk-syntax's validation.

use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};
use squawk_syntax::SourceFile;

use crate::sql::{
    compile::compile,
    compile_tests::rules,
    lexeme::lexemes,
    parse::with_tree,
    refusal::Refusal,
    tree::{Element, Tree},
};

/// Texts that break a rule, and texts beside them that break none.
struct Example {
    refused: &'static [&'static str],
    accepted: &'static [&'static str],
}

const EXAMPLES: &[Example] = &[
    // ANY, SOME and ALL.
    Example {
        refused: &[
            "SELECT any(ARRAY[1])",
            "SELECT 1, all(SELECT id FROM note)",
            "SELECT some(ARRAY[1]) = 1",
            "SELECT 1 FROM note WHERE NOT any(ARRAY[true])",
        ],
        accepted: &[
            "SELECT 1 = any(ARRAY[1])",
            "SELECT 1 < all(SELECT id FROM note)",
            "SELECT title LIKE some(ARRAY['a']) FROM note",
        ],
    },
    // Functions that are reserved words.
    Example {
        refused: &[
            "SELECT nullif(1)",
            "SELECT nullif(1, 2, 3)",
            "SELECT merge_action(1)",
            "SELECT coalesce()",
            "SELECT greatest()",
            "SELECT least()",
            "SELECT grouping() FROM note GROUP BY 1",
            "SELECT between(1)",
            "SELECT int(1)",
            "SELECT user(1)",
            "SELECT * FROM values(1)",
        ],
        accepted: &[
            "SELECT nullif(1, 2), coalesce(1), greatest(1, 2), least(1)",
            "SELECT grouping(id), count(*) FROM note GROUP BY id",
            "SELECT current_time(0), current_timestamp(1), localtime(2), localtimestamp, current_user",
            "SELECT left(title, 1), right(title, 1) FROM note",
        ],
    },
    // IN.
    Example {
        refused: &[
            "SELECT 1 IN ()",
            "SELECT 1 NOT IN ()",
            "SELECT 1 IN 2",
            "SELECT id NOT IN ARRAY[1] FROM note",
            "SELECT 1 IN ROW(1, 2)",
            "SELECT id IN note.id FROM note",
        ],
        accepted: &[
            "SELECT 1 IN (2), 1 IN (2, 3), 1 NOT IN (SELECT id FROM note)",
            "SELECT ROW(1, 2) IN ((1, 2)), id IN ((1)) FROM note",
        ],
    },
    // OVERLAPS.
    Example {
        refused: &[
            "SELECT (1, 2) OVERLAPS (1)",
            "SELECT (1, 2, 3) OVERLAPS (1, 2)",
            "SELECT id OVERLAPS (1, 2) FROM note",
        ],
        accepted: &["SELECT ($1, $2) OVERLAPS ($3, $4), ROW($1, $2) OVERLAPS ($3, $4)"],
    },
    // Operators.
    Example {
        refused: &[
            "SELECT * 1",
            "SELECT / 1",
            "SELECT < 1",
            "SELECT 1 + = 2",
            "SELECT % 1, ^ 2",
            "SELECT 1 @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@ 2",
            "SELECT ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~ 2",
        ],
        accepted: &["SELECT - 1, + 1, @ 1, ~ 1, |/ 4, 1 - - 2, 1 * -2"],
    },
    // Arrays.
    Example {
        refused: &[
            "SELECT [1, 2]",
            "SELECT ARRAY(1, 2)",
            "SELECT ARRAY()",
            "SELECT ARRAY((1))",
            "SELECT coalesce([1], ARRAY[2])",
        ],
        accepted: &[
            "SELECT ARRAY[1, 2], ARRAY[[1], [2]], ARRAY[]::int[]",
            "SELECT ARRAY(SELECT id FROM note), ARRAY((SELECT id FROM note)), ARRAY(VALUES (1), (2))",
            "SELECT ARRAY(((SELECT id FROM note)))",
        ],
    },
    // JSON.
    Example {
        refused: &[
            "SELECT json_array(1, 2, SELECT 3)",
            "SELECT json_array(1, SELECT 2)",
            "SELECT json_object('a': 1, 'b')",
            "SELECT json_object('b', 'a' VALUE 1)",
        ],
        accepted: &[
            "SELECT json_array(SELECT 1), json_array(1, 2), json_object('a': 1, 'b' VALUE 2)",
            "SELECT json_object('{a,b}'), json_object('{a}', '{b}')",
        ],
    },
    // Reserved words as names.
    Example {
        refused: &[
            "SELECT left FROM note",
            "SELECT 1 + right",
            "SELECT left.id FROM note",
            "SELECT inner + 1 FROM note",
            "CREATE TABLE left (id int)",
            "CREATE TABLE inner (id int)",
        ],
        accepted: &[
            "SELECT note.left, current_schema FROM note",
            "CREATE TABLE \"$tenant\".note (\"left\" int)",
        ],
    },
    // Parameters.
    Example {
        refused: &[
            "SELECT :id",
            "SELECT * FROM note WHERE id = :id AND title = :title",
        ],
        accepted: &["SELECT $1, '{1}'::int[], title[1:2] FROM note"],
    },
    // Modifiers of types.
    Example {
        refused: &[
            "SELECT 1::numeric(1 + 1, 2)",
            "SELECT CAST('a' AS varchar(lower('a')))",
            "SELECT 'a'::char(VARIADIC 1)",
            "SELECT 'a'::varchar(a => 1)",
            "SELECT 1::numeric(10 ORDER BY 1)",
            "SELECT 'a'::bit((1))",
            "SELECT 'a'::bit varying(- 'a')",
            "SELECT 'a'::varchar(NULL)",
        ],
        accepted: &[
            "SELECT 1::numeric(10, 2), 1::numeric(10, -2), 'a'::varchar(3), 'a'::bit(3), 'a'::bit varying(3)",
            "SELECT 'a'::character varying(3), 'a'::char(1), now()::timestamptz(3), '1 day'::interval(2)",
            "SELECT 1::numeric(- 2, 1), 1::numeric('2'), 1::numeric(a)",
        ],
    },
    // Literals that go on.
    Example {
        refused: &[
            "SELECT 'a' 'b'",
            "SELECT 'a' /* c */ 'b'",
            "SELECT 'a'\n/* c */\n'b'",
            "SELECT 'a'\n'b' 'c'",
            "SELECT E'a' 'b', B'0' '1'",
            "SELECT U&'a' 'b'",
        ],
        accepted: &[
            "SELECT 'a'\n'b'\r'c', 'a' -- c\n'b', 'a'\n-- c\n\n'b'",
            "SELECT E'a'\n'b', B'0'\n'1', N'a'\n'b', U&'a'\n'b'",
        ],
    },
    // Escapes.
    Example {
        refused: &[
            "SELECT U&'\\'",
            "SELECT U&'\\00'",
            "SELECT U&'\\+00006'",
            "SELECT U&'\\+110000'",
            "SELECT U&'\\D83D'",
            "SELECT U&'\\DE00'",
            "SELECT U&'\\D83Dx\\DE00'",
            "SELECT U&'\\D83D\\D83D'",
            "SELECT U&'\\D83D\\\\'",
            "SELECT U&'a'\n'\\0'",
            "SELECT U&'\\D83D'\n'\\DE00'",
            "SELECT U&'!00' UESCAPE '!'",
            "SELECT U&'a' UESCAPE '+'",
            "SELECT U&'a' UESCAPE 'a'",
            "SELECT U&'a' UESCAPE ' '",
            "SELECT U&'a' UESCAPE ''",
            "SELECT U&'a' UESCAPE '!!'",
            "SELECT U&'a' UESCAPE ''''",
            "SELECT title UESCAPE '!' FROM note",
            "SELECT \"title\" /* c */ UESCAPE '!' FROM note",
        ],
        accepted: &[
            "SELECT U&'d\\0061t\\+000061', U&'\\\\', U&'\\D83D\\DE00', U&'\\+00D83D\\DE00', U&'a''b'",
            "SELECT U&'d!0061t' UESCAPE '!', U&'\\' UESCAPE '!', U&'!!' UESCAPE '!', U&'ä!00e4ä' UESCAPE '!'",
            "SELECT U&'\\0061'\n'\\0062' UESCAPE '\\', U&'!0061'\n'!0062' UESCAPE '!'",
            "SELECT title AS uescape, n.uescape FROM note n",
        ],
    },
    // DEFAULT.
    Example {
        refused: &[
            "SELECT DEFAULT",
            "SELECT * FROM (VALUES (DEFAULT)) x",
            "VALUES (DEFAULT)",
            "UPDATE note SET id = DEFAULT + 1",
            "INSERT INTO note VALUES (DEFAULT + 1)",
            "INSERT INTO note VALUES (1) RETURNING DEFAULT",
            "INSERT INTO note VALUES (1), (coalesce(DEFAULT, 1))",
            "UPDATE note SET tags[1] = DEFAULT",
            "UPDATE note SET size.width = DEFAULT",
            "UPDATE note SET tags[1:2] = DEFAULT",
        ],
        accepted: &[
            "UPDATE note SET id = DEFAULT, (title, id) = (DEFAULT, 1), tags[1] = 2, size.width = 3",
            "INSERT INTO note VALUES (DEFAULT, 1), (1, DEFAULT)",
            "INSERT INTO note DEFAULT VALUES",
            "MERGE INTO note USING tag ON true WHEN NOT MATCHED THEN INSERT VALUES (DEFAULT)",
        ],
    },
    // FROM.
    Example {
        refused: &[
            "SELECT * FROM ONLY total(1)",
            "SELECT * FROM ONLY lower('a') AS a",
            "SELECT * FROM LATERAL note",
            "SELECT * FROM tag, LATERAL note AS n",
            "SELECT * FROM ONLY LATERAL (note)",
            "SELECT * FROM (note)",
            "SELECT * FROM ((note))",
            "SELECT * FROM (total(1))",
            "SELECT * FROM (note AS n)",
            "SELECT * FROM ((note JOIN tag ON true) AS a)",
            "SELECT * FROM ((SELECT 1) AS a)",
            "SELECT * FROM ((SELECT 1) a) b",
        ],
        accepted: &[
            "SELECT * FROM ONLY (note), ONLY note, LATERAL total(1), LATERAL (SELECT 1) x",
            "SELECT * FROM (note JOIN tag ON true), ((plan JOIN tag AS t ON true)) JOIN note AS n ON true",
            "SELECT * FROM ((SELECT 1)) AS a, ((SELECT 1) UNION (SELECT 2)) AS b, (VALUES (1)) AS c, (TABLE note) d",
        ],
    },
    // Joins.
    Example {
        refused: &[
            "SELECT * FROM note JOIN tag",
            "SELECT * FROM note LEFT JOIN tag",
            "SELECT * FROM note FULL JOIN tag JOIN plan ON true",
            "SELECT * FROM note RIGHT JOIN tag WHERE true",
            "SELECT * FROM note CROSS JOIN tag USING (id)",
            "SELECT * FROM note NATURAL JOIN tag USING (id)",
        ],
        accepted: &[
            "SELECT * FROM note JOIN tag ON true LEFT JOIN plan USING (id) CROSS JOIN tag t NATURAL JOIN note n",
            "SELECT * FROM note JOIN tag JOIN plan ON true ON true",
        ],
    },
    // SELECT.
    Example {
        refused: &[
            "SELECT DISTINCT ON () id FROM note",
            "SELECT DISTINCT ON () * FROM note ORDER BY 1",
            "SELECT DISTINCT FROM note",
            "SELECT DISTINCT ON (id) FROM note",
            "FROM note",
            "FROM note SELECT *",
            "SELECT * FROM (FROM note) x",
            "SELECT (1, SELECT 2)",
            "SELECT (1, SELECT FROM note)",
            "SELECT (SELECT FROM note)",
            "SELECT 1 UNION SELECT 2 INTO tag",
            "INSERT INTO note SELECT 1 INTO tag",
            "SELECT (SELECT 1 INTO tag)",
        ],
        accepted: &[
            "SELECT DISTINCT ON (id) id FROM note",
            "SELECT DISTINCT id, title FROM note",
            "SELECT ALL id FROM note",
            "SELECT FROM note",
            "SELECT (1, (SELECT 2)), (SELECT 1), EXISTS (SELECT FROM note)",
        ],
    },
    // Several statements.
    Example {
        refused: &[
            "SELECT 1 SELECT 2",
            "TABLE note SELECT 1",
            "SELECT 1; SELECT 2 SELECT 3",
        ],
        accepted: &["SELECT 1;", "SELECT 1; ; ;", "; SELECT 1"],
    },
    // UPDATE and CREATE TABLE.
    Example {
        refused: &[
            "UPDATE note SET WHERE true",
            "UPDATE note SET FROM tag",
            "CREATE TABLE \"$tenant\".note (id)",
            "CREATE TABLE note (id int, title PRIMARY KEY)",
        ],
        accepted: &[
            "UPDATE note SET id = 1 WHERE true",
            "CREATE TABLE note (id int, title text PRIMARY KEY, UNIQUE (id), tags int[], n double precision)",
        ],
    },
    // What the lexer and the parser say.
    Example {
        refused: &[
            "SELECT 'a",
            "SELECT 1a",
            "SELECT $1a",
            "SELECT \"\"",
            "SELECT (1",
            "SELECT 1 FROM",
            "SELECT B'2'",
        ],
        accepted: &["WITH a AS (SELECT 1) SELECT * FROM a, note ORDER BY 1 LIMIT 2 FOR UPDATE OF note"],
    },
];

fn squawk_errors(sql: &str) -> Vec<String> {
    let errors = SourceFile::parse(sql).errors();
    errors.iter().map(ToString::to_string).collect()
}

fn is_unparseable(sql: &str) -> bool {
    matches!(with_tree(sql, |_, _| Ok(())), Err(Refusal::Unparseable(_)))
}

#[test]
fn texts_that_break_a_rule_are_refused_and_texts_beside_them_are_not() {
    let refused = EXAMPLES.iter().flat_map(|example| example.refused);
    let taken: Vec<_> = refused
        .filter(|sql| squawk_errors(sql).is_empty() || !is_unparseable(sql))
        .collect();
    assert_eq!(taken, Vec::<&&str>::new());
    let rules = rules();
    for sql in EXAMPLES.iter().flat_map(|example| example.accepted) {
        assert_eq!(squawk_errors(sql), Vec::<String>::new(), "{sql}");
        let refusal = compile(sql, &rules).err().map(|refusal| refusal.to_string());
        assert_eq!(refusal, None, "{sql}");
    }
}

/// The kind and the place of each node and token.
type Outline = Vec<(u16, std::ops::Range<usize>)>;

fn outline(tree: &Tree<'_>) -> Outline {
    let describe = |element: Element<'_>| match element {
        Element::Node(node) => (node.kind() as u16, node.text_range()),
        Element::Token(token) => (token.kind() as u16, token.text_range()),
    };
    tree.elements().map(describe).collect()
}

fn outline_of_squawk(sql: &str) -> Outline {
    let tree = SourceFile::parse(sql).syntax_node();
    let describe = |element: squawk_syntax::SyntaxElement| {
        let range = element.text_range();
        (element.kind() as u16, range.start().into()..range.end().into())
    };
    tree.descendants_with_tokens().map(describe).collect()
}

/// A change of the tokens of a text.
#[derive(Debug, Clone)]
enum Mutation {
    Drop(Index),
    Double(Index),
    Swap(Index, Index),
    /// Puts tokens of another text there.
    Insert(Index, &'static str, Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let index = any::<Index>;
    prop_oneof![
        index().prop_map(Mutation::Drop),
        index().prop_map(Mutation::Double),
        (index(), index()).prop_map(|(one, other)| Mutation::Swap(one, other)),
        (index(), select(texts()), index()).prop_map(|(at, text, token)| Mutation::Insert(at, text, token)),
    ]
}

fn texts() -> Vec<&'static str> {
    let texts = EXAMPLES
        .iter()
        .flat_map(|example| example.accepted.iter().chain(example.refused));
    texts.copied().collect()
}

fn tokens(sql: &str) -> Vec<String> {
    lexemes(sql).map(|lexeme| sql[lexeme.range].to_owned()).collect()
}

fn mutate(tokens: &mut Vec<String>, mutation: &Mutation) {
    const INSERTED: usize = 6;
    if tokens.is_empty() {
        return;
    }
    let count = tokens.len();
    match mutation {
        Mutation::Drop(at) => {
            tokens.remove(at.index(count));
        }
        Mutation::Double(at) => {
            let at = at.index(count);
            tokens.insert(at, format!("{} ", tokens[at]));
        }
        Mutation::Swap(one, other) => tokens.swap(one.index(count), other.index(count)),
        Mutation::Insert(at, text, token) => {
            let other = self::tokens(text);
            let first = token.index(other.len());
            let part = other.into_iter().skip(first).take(INSERTED);
            let at = at.index(count);
            tokens.splice(at..at, part);
        }
    }
}

#[test]
fn the_tree_is_the_one_of_squawk() {
    for sql in texts() {
        if let Ok(tree) = Tree::parse(sql) {
            assert_eq!(outline(&tree), outline_of_squawk(sql), "{sql}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// The parser and the rules refuse what squawk-syntax refuses, unless the policy does, and nothing else.
    #[test]
    fn what_squawk_refuses_is_refused(
        text in select(texts()),
        mutations in vec(mutation(), 0..4),
    ) {
        let mut tokens = tokens(text);
        for mutation in &mutations {
            mutate(&mut tokens, mutation);
        }
        let sql = tokens.concat();
        let errors = squawk_errors(&sql);
        if errors.is_empty() {
            prop_assert!(!is_unparseable(&sql), "{sql}");
        } else {
            prop_assert!(compile(&sql, &rules()).is_err(), "{sql}\n{errors:?}");
        }
        if let Ok(tree) = Tree::parse(&sql) {
            prop_assert_eq!(outline(&tree), outline_of_squawk(&sql), "{}", sql);
        }
    }
}
