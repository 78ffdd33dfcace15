//! What `doctor` looks at on the engines: each that is configured once, named by its roles where there
//! are several.

use std::sync::Arc;

use crate::cli::open::{self, Role, Zone};
use crate::config::Settings;
use crate::executor::{Check, Engine, Look, Weight};
use crate::model::{Challenge, Task};

/// Looks at all engines, one after the other: what one of them lacks says nothing of the next.
pub async fn look(settings: &Settings, challenges: &[Challenge]) -> Vec<Check> {
    let zones = open::zones(settings);
    let mut checks: Vec<Check> = Vec::new();
    if zones.len() > 1 {
        checks.push(roles_of(&zones));
    }
    for (at, zone) in zones.iter().enumerate() {
        let known = zones[..at].iter().any(|z| z.socket == zone.socket);
        let mut seen = one(settings, challenges, (zone, known)).await;
        if zones.len() > 1 {
            let roles = names(zone);
            for check in &mut seen {
                check.what = format!("{} ({roles})", check.what);
            }
        }
        checks.extend(seen);
    }
    checks
}

/// Which engine has which roles; nothing is wrong with any way to share them out.
fn roles_of(zones: &[Zone<'_>]) -> Check {
    let all = zones.iter().map(|zone| match zone.runtime {
        Some(runtime) => format!("{}: {} under {runtime}", names(zone), zone.socket),
        None => format!("{}: {}", names(zone), zone.socket),
    });
    Check::fine("engines", all.collect::<Vec<_>>().join("; "))
}

fn names(zone: &Zone<'_>) -> String {
    let name = |role: &Role| match role {
        Role::Runner => "runner",
        Role::Scorer => "scorer",
        Role::Builder => "builder",
    };
    let names: Vec<_> = zone.roles.iter().map(name).collect();
    names.join(" and ")
}

/// Looks at one engine; `known` if another zone has shown it already, but for its jobs.
async fn one(
    settings: &Settings,
    challenges: &[Challenge],
    (zone, known): (&Zone<'_>, bool),
) -> Vec<Check> {
    let engine = match open::connect(zone, "doctor").await {
        Ok(engine) => engine,
        Err(error) => return vec![unanswered(zone, format!("{error:#}"))],
    };
    let has = |role| zone.roles.contains(&role);
    let mut looks = Vec::new();
    if !known {
        looks.push(Look::Engine);
    }
    if has(Role::Builder) {
        looks.push(Look::Builds);
    }
    if has(Role::Runner) || has(Role::Scorer) {
        looks.push(Look::Jobs);
    }
    let mut own = Vec::new();
    if has(Role::Runner) {
        let (check, any) = gpus(settings, (zone, &engine), challenges).await;
        own.push(check);
        if any {
            looks.push(Look::Gpus);
        }
    }
    if has(Role::Builder) {
        for base in &settings.builder.bases {
            own.push(base_image((zone, &engine), base).await);
        }
    }
    let mut checks = match engine.check(&looks).await {
        Ok(checks) => checks,
        Err(error) => vec![unanswered(zone, error.to_string())],
    };
    checks.extend(own);
    checks
}

fn unanswered(zone: &Zone<'_>, message: String) -> Check {
    let table = match zone.roles.first() {
        Some(Role::Scorer) => "scorer",
        Some(Role::Builder) => "builder",
        Some(Role::Runner) | None => "engine",
    };
    Check::fine("engine", message).flawed(
        Weight::Bad,
        "a Docker Engine that answers, and takes all that is asked of it",
        format!(
            "Install and start it (`apt-get install docker.io`), let the daemon's user into the \
             group `docker`, or correct `[{table}] socket`."
        ),
    )
}

/// A task that wants more GPUs than there are would let its submissions wait for ever. With it comes
/// whether there are or shall be any.
async fn gpus(
    settings: &Settings,
    (zone, engine): (&Zone<'_>, &Arc<dyn Engine>),
    challenges: &[Challenge],
) -> (Check, bool) {
    let there = match open::gpus(settings, &**engine).await {
        Ok(gpus) => gpus.len(),
        Err(error) => {
            let message = format!("GPUs cannot be listed: {error:#}");
            return (unanswered(zone, message), false);
        }
    };
    let tasks = challenges.iter().flat_map(|c| &c.tasks);
    let hungriest = tasks.max_by_key(|task| task.limits.gpus);
    let wanted = hungriest.map_or(0, |task| task.limits.gpus as usize);
    let check = Check::fine(
        "GPUs",
        match (there, wanted) {
            (0, 0) => "none, and no task wants one".to_owned(),
            _ => format!("{there}; the most that a task wants is {wanted}"),
        },
    );
    let check = match hungriest {
        Some(task) if wanted > there => too_few(check, task),
        _ => check,
    };
    (check, there > 0 || wanted > 0)
}

fn too_few(check: Check, task: &Task) -> Check {
    check.flawed(
        Weight::Bad,
        format!("{}, for the task {}", task.limits.gpus, task.slug),
        "Install the driver (`nvidia-smi` must list them) and the engine's NVIDIA runtime, name \
         them in `[runner] gpus`, or lower `gpus` of the task.",
    )
}

/// As `docker images` shows it.
fn short(id: &str) -> &str {
    let hex = id.trim_start_matches("sha256:");
    hex.get(..12).unwrap_or(hex)
}

async fn base_image((zone, engine): (&Zone<'_>, &Arc<dyn Engine>), base: &str) -> Check {
    let what = format!("base image {base}");
    match engine.resolve(base).await {
        Ok(Some(facts)) => Check::fine(what, format!("there, {}", short(&facts.id.to_string()))),
        Ok(None) => Check::fine(what, "not on the engine that builds").flawed(
            Weight::Bad,
            "it is there: submissions may start from it, and nothing is pulled for them",
            format!(
                "`docker pull {base}`, or make it (examples/base/build.sh), or take it off \
                 `[builder] bases`."
            ),
        ),
        Err(error) => unanswered(zone, format!("{base}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_named_by_what_they_are_for() {
        let mut settings = crate::config::default_settings().unwrap();
        settings.builder.socket = "tcp://build:2375".to_owned();
        let zones = open::zones(&settings);
        let all: Vec<String> = zones.iter().map(names).collect();
        assert_eq!(all, ["runner and scorer", "builder"]);
        assert!(
            roles_of(&zones)
                .seen
                .ends_with("under runc; builder: tcp://build:2375")
        );
    }
}
