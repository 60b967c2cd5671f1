//! Names as PostgreSQL reads them.

use sqlparser::ast::{Ident, ObjectName};

use super::refusal::Refusal;
use crate::schema_name::MAX_IDENTIFIER_BYTES;

/// The name an identifier stands for: as it is in quotes, else in lower case.
///
/// PostgreSQL folds ASCII letters only where the encoding has several bytes a character, as UTF-8 has.
pub(super) fn fold(ident: &Ident) -> String {
    if ident.quote_style.is_some() {
        ident.value.clone()
    } else {
        ident.value.to_ascii_lowercase()
    }
}

/// A name with or without a schema.
#[derive(Debug)]
pub(super) struct Qualified<'a> {
    pub(super) schema: Option<&'a Ident>,
    pub(super) name: &'a Ident,
}

impl<'a> Qualified<'a> {
    /// Reads `name` as `name` or `schema.name`.
    pub(super) fn new(name: &'a ObjectName) -> Result<Self, Refusal> {
        let parts: Option<Vec<&Ident>> = name.0.iter().map(|part| part.as_ident()).collect();
        match parts.as_deref() {
            Some([name]) => Self::checked(None, name),
            Some([schema, name]) => Self::checked(Some(schema), name),
            _ => Err(Refusal::Construct(
                "a name of three parts",
                "write it without the database",
            )),
        }
    }

    fn checked(schema: Option<&'a Ident>, name: &'a Ident) -> Result<Self, Refusal> {
        // PostgreSQL cuts a longer name with no more than a notice, and the cut name is another one.
        for ident in schema.into_iter().chain([name]) {
            if ident.value.len() > MAX_IDENTIFIER_BYTES {
                return Err(Refusal::TooLong {
                    size: ident.value.len(),
                    limit: MAX_IDENTIFIER_BYTES,
                    unit: "bytes in one name",
                });
            }
        }
        Ok(Self { schema, name })
    }
}
