//! The issue of a repository in which Referee reports.
//!
//! If the issue is deleted on the forge, the row is deleted too, and the next report opens a new issue.

use sqlx::Row as _;

use super::row::ReadRows as _;
use super::{Result, Store, row};
use crate::model::{ForgeName, Timestamp};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportIssue {
    /// Number of the issue. `None` while it is being opened.
    pub issue: Option<i64>,
    /// Until this time a duplicate issue may appear: the forge may execute a request to open an issue long after
    /// Referee has given up on the response.
    pub unsure_until: Option<Timestamp>,
}

impl Store {
    pub async fn report_issue(&self, forge: &ForgeName, forge_id: &str) -> Result<Option<ReportIssue>> {
        sqlx::query("SELECT issue, unsure_until FROM report_issue WHERE forge = $1 AND forge_id = $2")
            .bind(forge.as_str())
            .bind(forge_id)
            .read_optional(&self.reads, |r| {
                let number: i64 = r.try_get("issue")?;
                Ok(ReportIssue {
                    issue: (number > 0).then_some(number),
                    unsure_until: row::optional_timestamp(r, "unsure_until")?,
                })
            })
            .await
    }

    /// Makes this the issue in which Referee reports.
    pub async fn put_report_issue(
        &self,
        forge: &ForgeName,
        forge_id: &str,
        report_issue: &ReportIssue,
        now: Timestamp,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO report_issue (forge, forge_id, issue, created_at, unsure_until)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (forge, forge_id) DO UPDATE
             SET issue = excluded.issue, created_at = excluded.created_at,
                 unsure_until = excluded.unsure_until",
        )
        .bind(forge.as_str())
        .bind(forge_id)
        .bind(report_issue.issue.unwrap_or(0))
        .bind(now.0)
        .bind(report_issue.unsure_until.map(|until| until.0))
        .execute(&self.writes)
        .await?;
        Ok(())
    }

    /// Deletes the row of an issue that the forge no longer has. A newer issue of the repository stays.
    pub async fn delete_report_issue(&self, forge: &ForgeName, forge_id: &str, issue: i64) -> Result<()> {
        sqlx::query("DELETE FROM report_issue WHERE forge = $1 AND forge_id = $2 AND issue = $3")
            .bind(forge.as_str())
            .bind(forge_id)
            .bind(issue)
            .execute(&self.writes)
            .await?;
        Ok(())
    }
}
