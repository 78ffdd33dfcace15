//! Reading columns into checked types. A value that does not fit is a corrupt database, said so.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Result, StoreError};
use crate::model::ids::InvalidId;
use crate::model::{Outcome, Stage, Timestamp};

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

/// The stage of a submission.
pub fn stage(row: &AnyRow) -> Result<Stage> {
    let value: String = row.try_get("stage")?;
    value.parse().map_err(|_| StoreError::Corrupt {
        what: "stage",
        value,
    })
}

/// The outcome of a submission.
pub fn outcome(row: &AnyRow) -> Result<Option<Outcome>> {
    let value: Option<String> = row.try_get("outcome")?;
    value
        .map(|text| {
            text.parse().map_err(|_| StoreError::Corrupt {
                what: "outcome",
                value: text,
            })
        })
        .transpose()
}

/// Writes JSON. Our own types always can be.
pub fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| StoreError::Corrupt {
        what: "value to store",
        value: e.to_string(),
    })
}
