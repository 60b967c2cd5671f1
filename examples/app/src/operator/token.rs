//! [`OperatorToken`].

use std::{fmt, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use subtle::ConstantTimeEq as _;

/// The user name that belongs to the token.
const USER: &str = "operator";

/// Minimum length of a token: 16 characters. Nothing else slows down those who try out tokens.
const MIN_TOKEN: usize = 16;

/// The header `WWW-Authenticate` of the answer to a request without the token.
pub(crate) const CHALLENGE: &str = r#"Basic realm="operator", charset="UTF-8""#;

/// The token of the operator page.
#[derive(Clone)]
pub struct OperatorToken {
    /// The credentials of a request, in the form of the header: base64 of `operator:TOKEN`.
    credentials: Arc<str>,
}

/// Error of a text that cannot be a token. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadToken {
    /// The text is too short.
    #[error("has to have {MIN_TOKEN} characters at least")]
    Short,
    /// The text has characters that clients encode in different ways.
    #[error("has to have visible ASCII characters only")]
    Character,
}

impl OperatorToken {
    /// Checks a token.
    ///
    /// # Errors
    /// [`BadToken`] if it is shorter than 16 characters, or has other characters than visible ASCII.
    pub fn new(token: &str) -> Result<Self, BadToken> {
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BadToken::Character);
        }
        if token.len() < MIN_TOKEN {
            return Err(BadToken::Short);
        }
        let credentials = BASE64_STANDARD.encode(format!("{USER}:{token}")).into();
        Ok(Self { credentials })
    }

    /// True for the header `Authorization` of the operator. The time that it takes says nothing about the token but its
    /// length.
    pub(super) fn admits(&self, authorization: &[u8]) -> bool {
        let Some((scheme, credentials)) = authorization.split_at_checked("Basic ".len()) else {
            return false;
        };
        scheme.eq_ignore_ascii_case(b"Basic ")
            && bool::from(credentials.trim_ascii().ct_eq(self.credentials.as_bytes()))
    }
}

impl fmt::Debug for OperatorToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperatorToken").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "correct-horse-42";

    fn is_admitted(authorization: &str) -> bool {
        let token = OperatorToken::new(TOKEN).unwrap();
        token.admits(authorization.as_bytes())
    }

    fn basic(user: &str, token: &str) -> String {
        let credentials = BASE64_STANDARD.encode(format!("{user}:{token}"));
        format!("Basic {credentials}")
    }

    #[test]
    fn only_the_token_is_admitted() {
        let right = basic(USER, TOKEN);
        assert!(is_admitted(&right));
        assert!(is_admitted(&right.replace("Basic", "basic")));
        for wrong in [
            basic(USER, "correct-horse-43"),
            basic(USER, "correct-horse-4"),
            basic(USER, "correct-horse-420"),
            basic(USER, ""),
            basic("", TOKEN),
            basic("root", TOKEN),
            right.replace("Basic", "Bearer"),
            right.replace("Basic ", "Basic"),
            right.trim_start_matches("Basic ").to_owned(),
            format!("Basic {TOKEN}"),
            "Basic ".to_owned(),
            "Basic".to_owned(),
            String::new(),
        ] {
            assert!(!is_admitted(&wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_weak_token_is_refused() {
        for (token, error) in [
            ("", BadToken::Short),
            ("correct-horse-4", BadToken::Short),
            ("correct horse 42", BadToken::Character),
            ("correct-horse-4ß", BadToken::Character),
            ("correct-horse-4\n", BadToken::Character),
        ] {
            assert_eq!(OperatorToken::new(token).unwrap_err(), error, "{token:?}");
        }
    }

    #[test]
    fn a_token_is_not_displayed() {
        let token = OperatorToken::new(TOKEN).unwrap();
        assert_eq!(format!("{token:?}"), "OperatorToken { .. }");
    }
}
