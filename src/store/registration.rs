//! Repositories that fit the pattern of a challenge's teams and were not made by us. They wait here
//! for an organizer; only those that were approved become a [`Repository`], and nothing else is read.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::audit::append;
use super::repository::bind;
use super::{NewAuditEntry, Repository, Result, Store, StoreError, next_number, row};
use crate::model::{ChallengeSlug, ForgeName, PageToken, RepositoryId, TeamSlug, Timestamp};

/// How a candidate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationState {
    /// Nobody has decided.
    Pending,
    /// It is its team's repository.
    Bound,
    /// An organizer has refused it. Another decision is possible.
    Refused,
}

impl RegistrationState {
    const ALL: [Self; 3] = [Self::Pending, Self::Bound, Self::Refused];

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Bound => "bound",
            Self::Refused => "refused",
        }
    }
}

/// A repository that could become a team's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationRequest {
    /// Row; 0 before it is stored.
    pub id: i64,
    /// On this forge.
    pub forge: ForgeName,
    /// The forge's own name of it, which survives renames.
    pub forge_id: String,
    /// `owner/name` as last seen.
    pub full_name: String,
    /// For this challenge.
    pub challenge: ChallengeSlug,
    /// Of this team, by its name when it was first seen.
    pub team: TeamSlug,
    /// How it stands.
    pub state: RegistrationState,
    /// When it was first seen.
    pub created_at: Timestamp,
}

fn read(row: &AnyRow) -> Result<RegistrationRequest> {
    let state: String = row.try_get("state")?;
    Ok(RegistrationRequest {
        id: row.try_get("id")?,
        forge: row::text(row, "forge")?,
        forge_id: row.try_get("forge_id")?,
        full_name: row.try_get("full_name")?,
        challenge: row::text(row, "challenge")?,
        team: row::text(row, "team")?,
        state: RegistrationState::ALL
            .into_iter()
            .find(|known| known.as_str() == state)
            .ok_or(StoreError::Corrupt {
                what: "state of a candidate",
                value: state,
            })?,
        created_at: row::timestamp(row, "created_at")?,
    })
}

impl Store {
    /// Takes note of a repository that was seen on a forge. One that is known keeps its state, its
    /// challenge and its team; its name is renewed. One that is a team's already is left alone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn seen_repository(
        &self,
        seen: &RegistrationRequest,
        now: Timestamp,
    ) -> Result<Option<RegistrationRequest>> {
        let mut tx = self.begin().await?;
        let bound: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM repository WHERE forge = $1 AND forge_id = $2",
        )
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

    /// All candidates of a challenge, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn registration_requests(
        &self,
        challenge: &ChallengeSlug,
    ) -> Result<Vec<RegistrationRequest>> {
        sqlx::query("SELECT * FROM registration_request WHERE challenge = $1 ORDER BY id")
            .bind(challenge.as_str())
            .fetch_all(&self.reads)
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// Makes a candidate its team's repository. Nothing in it is known yet, so everything that stands
    /// there is looked at. `hook_token` is what its hook would show.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when somebody else has decided meanwhile, [`StoreError::Bound`] when the
    /// team has another repository.
    pub async fn approve(
        &self,
        request: &RegistrationRequest,
        hook_token: &PageToken,
        audit: &NewAuditEntry,
        now: Timestamp,
    ) -> Result<Repository> {
        let mut tx = self.begin().await?;
        decide(&mut tx, request, RegistrationState::Bound, now).await?;
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

    /// Refuses a candidate: it is not looked at.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when somebody else has decided meanwhile.
    pub async fn refuse(
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
    let decided = sqlx::query(
        "UPDATE registration_request SET state = $1, decided_at = $2 WHERE id = $3 AND state = $4",
    )
    .bind(state.as_str())
    .bind(now.0)
    .bind(request.id)
    .bind(request.state.as_str())
    .execute(&mut **tx)
    .await?;
    match decided.rows_affected() {
        1 => Ok(()),
        _ => Err(StoreError::Stale),
    }
}
