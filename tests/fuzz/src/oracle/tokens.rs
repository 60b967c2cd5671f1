//! PostgreSQL's tokens, by its documentation and its `scan.l`, for the third time in this repository: here they are
//! values and not places, so that it shares nothing with the two lexers that are tested.

/// A token that is neither space nor comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    /// Its first byte.
    pub(crate) start: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An identifier or keyword, in lower case.
    Word(String),
    /// `"..."`, without its quotes.
    Quoted(String),
    /// A string of any form.
    Literal,
    Number,
    Parameter,
    Symbol(char),
}

impl Token {
    /// The name, if it may be one.
    pub(crate) fn name(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(name) | Kind::Quoted(name) => Some(name),
            _ => None,
        }
    }
}

/// The tokens of `sql`.
pub(crate) fn tokens(sql: &str) -> Vec<Token> {
    let mut reader = Reader { sql, at: 0 };
    let mut tokens = Vec::new();
    while let Some(letter) = reader.peek() {
        let start = reader.at;
        if let Some(kind) = reader.token(letter) {
            tokens.push(Token { kind, start });
        }
    }
    tokens
}

struct Reader<'a> {
    sql: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.sql[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += letter.len_utf8();
        Some(letter)
    }

    fn take_while(&mut self, belongs: fn(char) -> bool) -> &'a str {
        let start = self.at;
        while self.peek().is_some_and(belongs) {
            self.next();
        }
        &self.sql[start..self.at]
    }

    fn token(&mut self, letter: char) -> Option<Kind> {
        match letter {
            ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' => {
                self.next();
                None
            }
            '-' if self.rest().starts_with("--") => {
                self.take_while(|letter| letter != '\n' && letter != '\r');
                None
            }
            '/' if self.rest().starts_with("/*") => {
                self.comment();
                None
            }
            '\'' => Some(self.literal(false)),
            '"' => Some(Kind::Quoted(self.quoted())),
            '$' => Some(self.dollar()),
            '.' | '0'..='9' if self.is_number() => {
                self.take_while(|letter| letter.is_ascii_alphanumeric() || letter == '.' || letter == '_');
                Some(Kind::Number)
            }
            letter if is_word_start(letter) => Some(self.word()),
            letter => {
                self.next();
                Some(Kind::Symbol(letter))
            }
        }
    }

    /// A digit comes, or a dot and a digit.
    fn is_number(&self) -> bool {
        let rest = self.rest();
        let digits = rest.strip_prefix('.').unwrap_or(rest);
        digits.starts_with(|letter: char| letter.is_ascii_digit())
    }

    fn comment(&mut self) {
        let mut depth = 0;
        loop {
            if self.rest().starts_with("/*") {
                depth += 1;
                self.at += 2;
            } else if self.rest().starts_with("*/") {
                depth -= 1;
                self.at += 2;
            } else if self.next().is_none() {
                return;
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// A word, or a literal with a prefix.
    fn word(&mut self) -> Kind {
        let start = self.at;
        let word = self.take_while(is_word_part);
        let is_literal = self.peek() == Some('\'');
        match (word, is_literal) {
            ("e" | "E", true) => self.literal(true),
            ("b" | "B" | "x" | "X" | "n" | "N", true) => self.literal(false),
            ("u" | "U", false) if self.rest().starts_with("&'") => {
                self.at += 1;
                self.literal(false)
            }
            _ => Kind::Word(self.sql[start..self.at].to_ascii_lowercase()),
        }
    }

    fn quoted(&mut self) -> String {
        let mut name = String::new();
        self.next();
        while let Some(letter) = self.next() {
            if letter == '"' {
                if self.peek() != Some('"') {
                    break;
                }
                self.next();
            }
            name.push(letter);
        }
        name
    }

    /// A literal, and those that continue it on lines of their own.
    fn literal(&mut self, backslash_escapes: bool) -> Kind {
        self.one_literal(backslash_escapes);
        loop {
            let end = self.at;
            if !self.space_with_a_new_line() || self.peek() != Some('\'') {
                self.at = end;
                return Kind::Literal;
            }
            self.one_literal(backslash_escapes);
        }
    }

    fn one_literal(&mut self, backslash_escapes: bool) {
        self.next();
        while let Some(letter) = self.next() {
            if letter == '\\' && backslash_escapes {
                self.next();
            }
            if letter == '\'' {
                if self.peek() != Some('\'') {
                    return;
                }
                self.next();
            }
        }
    }

    /// Line comments are space here, block comments are not.
    fn space_with_a_new_line(&mut self) -> bool {
        let mut has_new_line = false;
        loop {
            let space =
                self.take_while(|letter| matches!(letter, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c'));
            has_new_line |= space.contains(['\n', '\r']);
            if !self.rest().starts_with("--") {
                return has_new_line;
            }
            self.take_while(|letter| letter != '\n' && letter != '\r');
        }
    }

    fn dollar(&mut self) -> Kind {
        self.next();
        if !self.take_while(|letter| letter.is_ascii_digit()).is_empty() {
            return Kind::Parameter;
        }
        let start = self.at;
        let tag = self.take_while(|letter| is_word_part(letter) && letter != '$');
        if self.peek() != Some('$') {
            self.at = start;
            return Kind::Symbol('$');
        }
        self.next();
        let delimiter = format!("${tag}$");
        self.at = match self.rest().find(&delimiter) {
            Some(end) => self.at + end + delimiter.len(),
            None => self.sql.len(),
        };
        Kind::Literal
    }
}

fn is_word_start(letter: char) -> bool {
    letter.is_ascii_alphabetic() || letter == '_' || !letter.is_ascii()
}

fn is_word_part(letter: char) -> bool {
    is_word_start(letter) || letter.is_ascii_digit() || letter == '$'
}
