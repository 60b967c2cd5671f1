//! Statements of the benchmark.

use std::fmt;

use clap::ValueEnum;
use fastrand::Rng;
use sea_orm::{DbBackend, Statement};

use crate::schema::{AUTHORS, NOTES};

/// A set of statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Case {
    /// A read by primary key.
    Key,
    /// Ten statements, each equally often.
    Mix,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "key",
            Self::Mix => "mix",
        })
    }
}

/// A statement with one parameter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) sql: &'static str,
    /// Maximum of the parameter, which starts at 1.
    values: i32,
    pub(crate) is_query: bool,
}

const fn query(sql: &'static str, values: i32) -> Shape {
    Shape {
        sql,
        values,
        is_query: true,
    }
}

const fn change(sql: &'static str, values: i32) -> Shape {
    Shape {
        sql,
        values,
        is_query: false,
    }
}

const BY_KEY: Shape = query(
    "SELECT id, title, body, author_id, done FROM note WHERE id = $1",
    NOTES,
);

const MIX: [Shape; 10] = [
    BY_KEY,
    query(
        "SELECT id, title, body, author_id, done FROM note WHERE author_id = $1 ORDER BY id LIMIT 10",
        AUTHORS,
    ),
    query(
        "SELECT count(*) FROM note WHERE author_id = $1 AND NOT done",
        AUTHORS,
    ),
    query(
        "SELECT note.id, note.title, author.name FROM note JOIN author ON author.id = note.author_id WHERE note.id = $1",
        NOTES,
    ),
    query("SELECT id, name FROM author WHERE id = $1", AUTHORS),
    query(
        "SELECT EXISTS (SELECT 1 FROM note WHERE author_id = $1 AND done)",
        AUTHORS,
    ),
    query(
        "SELECT id, title FROM note WHERE id < $1 ORDER BY id DESC LIMIT 5",
        NOTES,
    ),
    change("INSERT INTO event (note_id, kind) VALUES ($1, 'read')", NOTES),
    change("UPDATE note SET done = NOT done WHERE id = $1", NOTES),
    change("DELETE FROM event WHERE id = $1", NOTES),
];

impl Case {
    pub(crate) fn draw(self, random: &mut Rng) -> (Shape, i32) {
        let shape = match self {
            Self::Key => BY_KEY,
            Self::Mix => MIX[random.usize(..MIX.len())],
        };
        (shape, random.i32(1..=shape.values))
    }
}

impl Shape {
    pub(crate) fn statement(&self, value: i32) -> Statement {
        Statement::from_sql_and_values(DbBackend::Postgres, self.sql, [value.into()])
    }
}
