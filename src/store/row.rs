//! Reads rows and columns into checked types. A value that does not fit makes the database corrupt, which is an error.

use std::str::FromStr;

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::{Query, QueryScalar};
use sqlx::{Any, Executor, Row as _};

use super::{Result, StoreError};
use crate::model::ids::InvalidId;
use crate::model::{Board, Timestamp};

/// Reads the rows of a query.
pub(super) trait ReadRows {
    /// Converts all rows with `read`.
    async fn read_all<'e, T>(
        self,
        from: impl Executor<'e, Database = Any>,
        read: impl Fn(&AnyRow) -> Result<T>,
    ) -> Result<Vec<T>>;

    /// Converts the row with `read`, if there is one.
    async fn read_optional<'e, T>(
        self,
        from: impl Executor<'e, Database = Any>,
        read: impl Fn(&AnyRow) -> Result<T>,
    ) -> Result<Option<T>>;
}

impl ReadRows for Query<'_, Any, AnyArguments> {
    async fn read_all<'e, T>(
        self,
        from: impl Executor<'e, Database = Any>,
        read: impl Fn(&AnyRow) -> Result<T>,
    ) -> Result<Vec<T>> {
        let rows = self.fetch_all(from).await?;
        rows.iter().map(read).collect()
    }

    async fn read_optional<'e, T>(
        self,
        from: impl Executor<'e, Database = Any>,
        read: impl Fn(&AnyRow) -> Result<T>,
    ) -> Result<Option<T>> {
        let row = self.fetch_optional(from).await?;
        row.as_ref().map(read).transpose()
    }
}

/// Binds the challenge, the phase and the task of a board to a query, in this order.
pub(super) trait BindBoard<'b> {
    fn bind_board(self, board: &'b Board) -> Self;
}

impl<'b> BindBoard<'b> for Query<'_, Any, AnyArguments> {
    fn bind_board(self, board: &'b Board) -> Self {
        self.bind(board.challenge.as_str()).bind(board.phase.as_str()).bind(board.task.as_str())
    }
}

impl<'b, T> BindBoard<'b> for QueryScalar<'b, Any, T, AnyArguments> {
    fn bind_board(self, board: &'b Board) -> Self {
        self.bind(board.challenge.as_str()).bind(board.phase.as_str()).bind(board.task.as_str())
    }
}

/// A checked type that is stored as text.
pub(super) fn text<T>(row: &AnyRow, column: &'static str) -> Result<T>
where
    T: TryFrom<String, Error = InvalidId>,
{
    let value: String = row.try_get(column)?;
    T::try_from(value.clone()).map_err(|_| corrupt(column, value))
}

/// [`text`], where NULL or an empty text means none.
pub(super) fn optional_text<T>(row: &AnyRow, column: &'static str) -> Result<Option<T>>
where
    T: TryFrom<String, Error = InvalidId>,
{
    let value: Option<String> = row.try_get(column)?;
    match value {
        None => Ok(None),
        Some(empty) if empty.is_empty() => Ok(None),
        Some(_) => text(row, column).map(Some),
    }
}

pub(super) fn timestamp(row: &AnyRow, column: &'static str) -> Result<Timestamp> {
    Ok(Timestamp(row.try_get(column)?))
}

pub(super) fn optional_timestamp(row: &AnyRow, column: &'static str) -> Result<Option<Timestamp>> {
    let value: Option<i64> = row.try_get(column)?;
    Ok(value.map(Timestamp))
}

/// JSON that this program wrote.
pub(super) fn json<T: serde::de::DeserializeOwned>(row: &AnyRow, column: &'static str) -> Result<T> {
    let value: String = row.try_get(column)?;
    serde_json::from_str(&value).map_err(|_| corrupt(column, value.chars().take(80).collect()))
}

/// [`json`], or NULL.
pub(super) fn optional_json<T: serde::de::DeserializeOwned>(row: &AnyRow, column: &'static str) -> Result<Option<T>> {
    let value: Option<String> = row.try_get(column)?;
    value.map(|_| json(row, column)).transpose()
}

/// A word of a closed set.
pub(super) fn word<T: FromStr>(row: &AnyRow, column: &'static str) -> Result<T> {
    let value: String = row.try_get(column)?;
    value.parse().map_err(|_| corrupt(column, value))
}

/// [`word`], or NULL.
pub(super) fn optional_word<T: FromStr>(row: &AnyRow, column: &'static str) -> Result<Option<T>> {
    let value: Option<String> = row.try_get(column)?;
    value.map(|_| word(row, column)).transpose()
}

/// Serializes a value. All types that the store writes can be serialized.
pub(super) fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| corrupt("value to store", e.to_string()))
}

/// The text without NUL characters, which PostgreSQL does not store.
pub(super) fn without_nul(text: &str) -> String {
    text.replace('\0', " ")
}

/// The error that a row holds an impossible value. `what` names the kind of value.
pub(super) fn corrupt(what: &'static str, value: String) -> StoreError {
    StoreError::Corrupt { what, value }
}
