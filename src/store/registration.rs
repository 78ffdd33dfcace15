//! Registration requests: repositories that match the pattern of a challenge's teams and that Referee did not create.
//!
//! Referee reads such a repository only after an organizer has approved the request. Then it becomes a [`Repository`].

use sqlx::Row as _;
use sqlx::any::AnyRow;
use strum::{EnumString, IntoStaticStr};

use super::audit::append;
use super::repository::bind;
use super::row::ReadRows as _;
use super::{NewAuditEntry, Repository, Result, Store, StoreError, next_number, row};
use crate::model::{ChallengeSlug, ForgeName, PageToken, RepositoryId, TeamSlug, Timestamp};

#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum RegistrationState {
    /// No organizer has decided.
    Pending,
    /// The repository belongs to its team.
    Approved,
    /// An organizer refused it. The decision may be changed.
    Refused,
}

impl RegistrationState {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationRequest {
    /// Row. 0 before the request is stored.
    pub id: i64,
    pub forge: ForgeName,
    /// The forge's own id of the repository. It survives renames.
    pub forge_id: String,
    /// `owner/name` when Referee last saw it.
    pub full_name: String,
    pub challenge: ChallengeSlug,
    /// The team that the name meant when Referee first saw the repository.
    pub team: TeamSlug,
    pub state: RegistrationState,
    /// When Referee first saw the repository.
    pub created_at: Timestamp,
}

fn read(row: &AnyRow) -> Result<RegistrationRequest> {
    Ok(RegistrationRequest {
        id: row.try_get("id")?,
        forge: row::text(row, "forge")?,
        forge_id: row.try_get("forge_id")?,
        full_name: row.try_get("full_name")?,
        challenge: row::text(row, "challenge")?,
        team: row::text(row, "team")?,
        state: row::word(row, "state")?,
        created_at: row::timestamp(row, "created_at")?,
    })
}

impl Store {
    /// Records a request for a repository that Referee saw on a forge. If there is one already, only the name is
    /// updated. `None` if the repository belongs to a team.
    pub async fn record_registration_request(
        &self,
        seen: &RegistrationRequest,
        now: Timestamp,
    ) -> Result<Option<RegistrationRequest>> {
        let mut tx = self.begin().await?;
        let bound: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM repository WHERE forge = $1 AND forge_id = $2")
            .bind(seen.forge.as_str())
            .bind(&seen.forge_id)
            .fetch_one(&mut *tx)
            .await?;
        if bound > 0 {
            return Ok(None);
        }
        let id = next_number(&mut tx, "registration_request").await?;
        let row = sqlx::query(
            "INSERT INTO registration_request (id, forge, forge_id, full_name, challenge, team, state,
                                    created_at)
             VALUES ($1, $2, $3, $4, $5, $6, 'pending', $7)
             ON CONFLICT (forge, forge_id) DO UPDATE SET full_name = excluded.full_name
             RETURNING *",
        )
        .bind(id)
        .bind(seen.forge.as_str())
        .bind(&seen.forge_id)
        .bind(&seen.full_name)
        .bind(seen.challenge.as_str())
        .bind(seen.team.as_str())
        .bind(now.0)
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        read(&row).map(Some)
    }

    /// All requests of a challenge, oldest first.
    pub async fn registration_requests(&self, challenge: &ChallengeSlug) -> Result<Vec<RegistrationRequest>> {
        sqlx::query("SELECT * FROM registration_request WHERE challenge = $1 ORDER BY id")
            .bind(challenge.as_str())
            .read_all(&self.reads, read)
            .await
    }

    /// Binds the repository to its team. Referee knows none of its refs yet, so the next observation reads all of them.
    /// `hook_token` is the token of its hook.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if another organizer decided in the meantime. [`StoreError::RepositoryConflict`] if the
    /// team has another repository.
    pub async fn approve_registration(
        &self,
        request: &RegistrationRequest,
        hook_token: &PageToken,
        audit: &NewAuditEntry,
        now: Timestamp,
    ) -> Result<Repository> {
        let mut tx = self.begin().await?;
        decide(&mut tx, request, RegistrationState::Approved, now).await?;
        let new = Repository {
            id: RepositoryId(0),
            forge: request.forge.clone(),
            forge_id: request.forge_id.clone(),
            full_name: request.full_name.clone(),
            challenge: request.challenge.clone(),
            team: request.team.clone(),
            hook_token: hook_token.clone(),
        };
        let (bound, _) = bind(&mut tx, &new, &[], now).await?;
        append(&mut tx, audit, now).await?;
        tx.commit().await?;
        Ok(bound)
    }

    /// # Errors
    /// [`StoreError::Stale`] if another organizer decided in the meantime.
    pub async fn refuse_registration(
        &self,
        request: &RegistrationRequest,
        audit: &NewAuditEntry,
        now: Timestamp,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        decide(&mut tx, request, RegistrationState::Refused, now).await?;
        append(&mut tx, audit, now).await?;
        tx.commit().await?;
        Ok(())
    }
}

async fn decide(
    tx: &mut sqlx::Transaction<'static, sqlx::Any>,
    request: &RegistrationRequest,
    state: RegistrationState,
    now: Timestamp,
) -> Result<()> {
    let decided =
        sqlx::query("UPDATE registration_request SET state = $1, decided_at = $2 WHERE id = $3 AND state = $4")
            .bind(state.as_str())
            .bind(now.0)
            .bind(request.id)
            .bind(request.state.as_str())
            .execute(&mut **tx)
            .await?;
    if decided.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Stale) }
}
