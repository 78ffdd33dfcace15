//! Reading columns into checked types. A value that does not fit is a corrupt database, said so.

use std::str::FromStr;

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Result, StoreError};
use crate::model::Timestamp;
use crate::model::ids::InvalidId;

/// A checked type that is stored as text.
pub fn text<T>(row: &AnyRow, column: &'static str) -> Result<T>
where
    T: TryFrom<String, Error = InvalidId>,
{
    let value: String = row.try_get(column)?;
    T::try_from(value.clone()).map_err(|_| StoreError::Corrupt {
        what: column,
        value,
    })
}

/// The same where the empty text or NULL stands for none.
pub fn optional_text<T>(row: &AnyRow, column: &'static str) -> Result<Option<T>>
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

/// A moment.
pub fn timestamp(row: &AnyRow, column: &'static str) -> Result<Timestamp> {
    Ok(Timestamp(row.try_get(column)?))
}

/// A moment that may not have come.
pub fn optional_timestamp(row: &AnyRow, column: &'static str) -> Result<Option<Timestamp>> {
    let value: Option<i64> = row.try_get(column)?;
    Ok(value.map(Timestamp))
}

/// JSON that this program wrote.
pub fn json<T: serde::de::DeserializeOwned>(row: &AnyRow, column: &'static str) -> Result<T> {
    let value: String = row.try_get(column)?;
    serde_json::from_str(&value).map_err(|_| StoreError::Corrupt {
        what: column,
        value: value.chars().take(80).collect(),
    })
}

/// JSON that this program wrote, or NULL.
pub fn optional_json<T: serde::de::DeserializeOwned>(
    row: &AnyRow,
    column: &'static str,
) -> Result<Option<T>> {
    let value: Option<String> = row.try_get(column)?;
    value.map(|_| json(row, column)).transpose()
}

/// A word of a closed set.
pub fn word<T: FromStr>(row: &AnyRow, column: &'static str) -> Result<T> {
    let value: String = row.try_get(column)?;
    value.parse().map_err(|_| StoreError::Corrupt {
        what: column,
        value,
    })
}

/// A word of a closed set, or NULL.
pub fn optional_word<T: FromStr>(row: &AnyRow, column: &'static str) -> Result<Option<T>> {
    let value: Option<String> = row.try_get(column)?;
    value.map(|_| word(row, column)).transpose()
}

/// Writes JSON. Our own types always can be.
pub fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| StoreError::Corrupt {
        what: "value to store",
        value: e.to_string(),
    })
}
