//! The checks of `referee doctor` on the forge of a challenge. The forge itself knows them; nothing is written there.

use crate::cli::forge::OwnerToken;
use crate::config::Settings;
use crate::forge::kind;
use crate::model::Challenge;
use crate::model::diagnosis::{Check, CheckSeverity};
use crate::store::{Repository, Store};

/// Checks the forge of a challenge, where it has something to check.
pub(super) async fn look(settings: &Settings, challenge: &Challenge, owner: &OwnerToken) -> Vec<Check> {
    let name = &challenge.forge;
    let mut checks = Vec::new();
    let owner = owner.read().unwrap_or_else(|error| {
        let check = Check::ok(format!("owner's token for {name}"), format!("{error:#}"));
        let (expected, help) = ("a file with a token", "Correct --owner-token-file.");
        checks.push(check.with_problem(CheckSeverity::Warning, expected, help));
        None
    });
    let forge = match kind::open(settings, name, owner) {
        Ok(forge) => forge,
        Err(error) => {
            checks.push(Check::ok(format!("forge {name}"), format!("{error:#}")).with_problem(
                CheckSeverity::Error,
                "an account for the reports on commits",
                "Follow the message above. Without an account, Referee stores deliveries but does not process them.",
            ));
            return checks;
        }
    };
    let Ok(diagnosis) = forge.diagnosis() else {
        return Vec::new();
    };
    // Without a database the check of the database reports it.
    let (mut teams, mut last_delivery) = (None, None);
    if let Ok(store) = Store::open(settings.database.expose()).await {
        last_delivery = store.last_delivery_at(name).await.ok().flatten();
        teams = store.repositories().await.ok();
    }
    let teams: Option<Vec<_>> = teams.map(|all| {
        let own = all.into_iter().filter(|r| r.challenge == challenge.slug);
        own.map(|r: Repository| (r.team.to_string(), r.full_name)).collect()
    });
    let found = diagnosis.diagnose(challenge, teams.as_deref(), last_delivery);
    checks.extend(found.await);
    checks
}
