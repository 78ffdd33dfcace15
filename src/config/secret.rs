//! Values that refuse to print themselves.

use std::fmt;

/// A secret text. `Debug` hides it, `Display` does not exist; whoever needs it says so.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself. Must not reach a log, a page or an error.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Address of a database, with a password perhaps. Shown without it.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// Wraps a complete address, `sqlite:…` or `postgres://…`.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The whole address, for the driver alone.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it is a PostgreSQL server; otherwise it is a SQLite file.
    pub fn is_postgres(&self) -> bool {
        self.0.starts_with("postgres:") || self.0.starts_with("postgresql:")
    }
}

/// The address with everything hidden that may be a password.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_postgres() {
            return f.write_str(&self.0);
        }
        // Options behind `?` may hold a password too.
        let plain = self.0.split('?').next().unwrap_or_default();
        let host = plain.rsplit_once('@').map_or_else(
            || plain.split_once("://").map_or("", |(_, host)| host),
            |(_, host)| host,
        );
        write!(f, "postgres://{host}")
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_print_themselves() {
        assert_eq!(format!("{:?}", Secret::new("hush")), "Secret(…)");
        for (url, shown) in [
            (
                "postgres://u:hush@example.org/db",
                "postgres://example.org/db",
            ),
            (
                "postgres://u:h@u@sh@example.org/db?password=hush",
                "postgres://example.org/db",
            ),
            ("postgresql://example.org/db", "postgres://example.org/db"),
            ("sqlite:/srv/referee.db", "sqlite:/srv/referee.db"),
        ] {
            assert_eq!(DatabaseUrl::new(url).to_string(), shown);
        }
        assert!(!format!("{:?}", DatabaseUrl::new("postgres://u:hush@h/d")).contains("hush"));
    }
}
