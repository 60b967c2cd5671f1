//! The `search_path` of the library's own sessions: the configured one without `"$user"`, and the schemas of extensions.

use sea_orm::{
    DbErr,
    sqlx::{Connection as _, Error, Executor as _, PgConnection, Row as _},
};

use super::{driver_error::not_opened, settings::PoolSettings};
use crate::schema_name::SchemaName;

impl PoolSettings {
    /// Sets the path with which sessions start.
    ///
    /// Sessions of a pooler keep their path, and so do sessions whose path a hook of the application sets after the
    /// start.
    ///
    /// # Errors
    /// [`DbErr`] if the database does not answer.
    pub(crate) async fn set_search_path(&mut self, extensions: &[SchemaName]) -> Result<(), DbErr> {
        if self.prepared_by_pooler.is_some() {
            return Ok(());
        }
        let path = extended(&self.search_path().await.map_err(not_opened)?, extensions);
        let connect = self.connect.clone().options([("search_path", path)]);
        match PgConnection::connect_with(&connect).await {
            Ok(connection) => {
                let _ = connection.close().await;
                self.connect = connect;
                Ok(())
            }
            // PgBouncer in session mode does not take the setting.
            Err(Error::Database(error)) => {
                tracing::debug!(%error, "sessions start with the path of the server");
                Ok(())
            }
            Err(error) => Err(not_opened(error)),
        }
    }

    /// Returns the path of a new session.
    async fn search_path(&self) -> Result<String, Error> {
        let connector = self.connector();
        let mut connection = connector.acquire().await?.detach();
        let row = connection.fetch_one("SHOW search_path").await?;
        let _ = connection.close().await;
        connector.close().await;
        row.try_get(0)
    }
}

/// Returns a path without `"$user"` and with the schemas of extensions at its end.
///
/// `"$user"` would be the schema of a tenant that is named like the user.
fn extended(path: &str, extensions: &[SchemaName]) -> String {
    let kept = names(path).filter(|name| !unquoted(name).eq_ignore_ascii_case("$user"));
    let mut names: Vec<_> = kept.map(str::to_owned).collect();
    for schema in extensions {
        if !names.iter().any(|name| unquoted(name) == schema.as_str()) {
            names.push(schema.quoted().to_owned());
        }
    }
    names.join(", ")
}

/// Returns the names of a path as they are written. A comma may stand in quotes.
fn names(path: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    let names = path.split(move |letter| {
        is_quoted ^= letter == '"';
        letter == ',' && !is_quoted
    });
    names.map(str::trim).filter(|name| !name.is_empty())
}

fn unquoted(name: &str) -> &str {
    let inner = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
    inner.unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_extended(path: &str, expected: &str) {
        let extensions = SchemaName::new("extensions").unwrap();
        assert_eq!(extended(path, &[extensions]), expected, "{path}");
    }

    #[test]
    fn the_users_schema_is_taken_off_and_extensions_are_added() {
        assert_extended("\"$user\", public", "public, \"extensions\"");
        assert_extended("$user,public", "public, \"extensions\"");
        assert_extended("", "\"extensions\"");
        assert_extended("extensions, public", "extensions, public");
        assert_extended("\"extensions\"", "\"extensions\"");
        assert_extended(
            "\"a, $user\", \"a\"\"b\"",
            "\"a, $user\", \"a\"\"b\", \"extensions\"",
        );
    }
}
