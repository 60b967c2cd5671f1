//! [`Config`]: the settings from environment variables.

use std::{
    env::{self, VarError},
    net::SocketAddr,
};

use crate::operator::{BadToken, OperatorToken};

/// Settings of the application, read from environment variables.
///
/// | variable | meaning | default |
/// |---|---|---|
/// | `DATABASE_URL` | the PostgreSQL database | |
/// | `HOST` | the address to listen on | `127.0.0.1` |
/// | `PORT` | the port to listen on | `8000` |
/// | `OPERATOR_TOKEN` | the password of the user `operator`, for `/operator` on the main site | no such page |
/// | `METRICS_ADDRESS` | an address and port of its own for `/metrics`, which only Prometheus reaches | no metrics |
/// | `LOG_FORMAT` | `text` or `json` | `text` |
/// | `RUST_LOG` | which log lines to write, see `tracing_subscriber::EnvFilter` | `info,sqlx=warn,actix_server=warn` |
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// `DATABASE_URL`.
    pub database_url: String,
    /// `HOST`.
    pub host: String,
    /// `PORT`.
    pub port: u16,
    /// `OPERATOR_TOKEN`.
    pub operator_token: Option<OperatorToken>,
    /// `METRICS_ADDRESS`.
    pub metrics_address: Option<SocketAddr>,
    /// `LOG_FORMAT`.
    pub log_format: LogFormat,
}

/// Format of log lines. Default: [`LogFormat::Text`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogFormat {
    /// Readable text with `key=value` pairs.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// A missing or invalid environment variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A required variable is not set.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// A variable has an invalid value.
    #[error("{variable} is {value:?}, and has to be {expected}")]
    Invalid {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
        /// Valid values.
        expected: &'static str,
    },
    /// `OPERATOR_TOKEN` cannot be used. The message does not repeat it.
    #[error("OPERATOR_TOKEN {0}")]
    OperatorToken(#[from] BadToken),
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// [`ConfigError`] names the missing or invalid variable.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(|name| match env::var(name) {
            Ok(value) => Some(value),
            Err(VarError::NotPresent) => None,
            Err(VarError::NotUnicode(value)) => Some(value.to_string_lossy().into_owned()),
        })
    }

    fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        // An empty variable counts as not set.
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        Ok(Self {
            database_url: variable("DATABASE_URL").ok_or(ConfigError::Missing("DATABASE_URL"))?,
            host: variable("HOST").unwrap_or_else(|| "127.0.0.1".to_owned()),
            port: variable("PORT").map_or(Ok(8000), port)?,
            operator_token: variable("OPERATOR_TOKEN")
                .map(|token| OperatorToken::new(&token))
                .transpose()?,
            metrics_address: variable("METRICS_ADDRESS").map(metrics_address).transpose()?,
            log_format: variable("LOG_FORMAT").map_or(Ok(LogFormat::Text), log_format)?,
        })
    }
}

fn port(value: String) -> Result<u16, ConfigError> {
    value.parse().map_err(|_| ConfigError::Invalid {
        variable: "PORT",
        value,
        expected: "a number from 0 to 65535",
    })
}

fn metrics_address(value: String) -> Result<SocketAddr, ConfigError> {
    value.parse().map_err(|_| ConfigError::Invalid {
        variable: "METRICS_ADDRESS",
        value,
        expected: "an address and a port, such as 127.0.0.1:9000",
    })
}

fn log_format(value: String) -> Result<LogFormat, ConfigError> {
    match value.as_str() {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(ConfigError::Invalid {
            variable: "LOG_FORMAT",
            value,
            expected: "text or json",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn all_but_the_database_has_a_default() {
        let config = read(&[("DATABASE_URL", "postgres://db"), ("PORT", "")]).unwrap();
        assert_eq!(config.host, "127.0.0.1");
        assert_eq!(config.port, 8000);
        assert_eq!(config.metrics_address, None);
        assert_eq!(read(&[]).unwrap_err(), ConfigError::Missing("DATABASE_URL"));
    }

    #[test]
    fn a_wrong_token_is_not_repeated() {
        let error = read(&[("DATABASE_URL", "postgres://db"), ("OPERATOR_TOKEN", "secret")]).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(
            text.contains("OPERATOR_TOKEN") && !text.contains("secret"),
            "{text}"
        );
        let token = "0123456789abcdef";
        let config = read(&[("DATABASE_URL", "postgres://db"), ("OPERATOR_TOKEN", token)]).unwrap();
        assert!(config.operator_token.is_some());
        assert!(!format!("{config:?}").contains("MDEyMzQ1"), "{config:?}");
    }

    #[test]
    fn a_wrong_value_is_named() {
        let error = read(&[("DATABASE_URL", "postgres://db"), ("PORT", "http")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"PORT is "http", and has to be a number from 0 to 65535"#
        );
        let error = read(&[("DATABASE_URL", "postgres://db"), ("METRICS_ADDRESS", "9000")]).unwrap_err();
        assert!(error.to_string().contains("such as 127.0.0.1:9000"), "{error}");
    }
}
