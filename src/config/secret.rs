//! Types for secret values. They do not print themselves.

use std::fmt;

/// A secret text. `Debug` hides it, and there is no `Display`. Code that needs the text calls [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself. It must not reach a log, a page or an error message.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The address of a database. It may hold a password, which `Display` and `Debug` omit.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// Takes a complete address, `sqlite:…` or `postgres://…`.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The complete address, for the database driver only.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the address is that of a PostgreSQL server. Otherwise it is a SQLite file.
    pub fn is_postgres(&self) -> bool {
        self.0.starts_with("postgres:") || self.0.starts_with("postgresql:")
    }
}

/// The address without all parts that may hold a password.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_postgres() {
            return f.write_str(&self.0);
        }
        // Parameters behind `?` may hold a password too.
        let plain = self.0.split('?').next().unwrap_or_default();
        let host = plain
            .rsplit_once('@')
            .map_or_else(|| plain.split_once("://").map_or("", |(_, host)| host), |(_, host)| host);
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
    fn secrets_are_never_printed() {
        assert_eq!(format!("{:?}", Secret::new("hush")), "Secret(…)");
        for (url, shown) in [
            ("postgres://u:hush@example.org/db", "postgres://example.org/db"),
            ("postgres://u:h@u@sh@example.org/db?password=hush", "postgres://example.org/db"),
            ("postgresql://example.org/db", "postgres://example.org/db"),
            ("sqlite:/srv/referee.db", "sqlite:/srv/referee.db"),
        ] {
            assert_eq!(DatabaseUrl::new(url).to_string(), shown);
        }
        assert!(!format!("{:?}", DatabaseUrl::new("postgres://u:hush@h/d")).contains("hush"));
    }
}
