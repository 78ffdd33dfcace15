//! A scorer is corrected, and the board turns by comments alone.

use referee::model::Outcome;

use crate::challenge::{reverse_scorer, scoring};
use crate::instance::at_each;
use crate::model::ForgeVersion;
use crate::published::holds;
use crate::world::World;

/// The rows of the board's file, in their order.
fn teams(world: &World, board: &str) -> Result<Vec<String>, String> {
    let table = world.file(board, "validation/segmentation.csv")?;
    let named = |line: &str| {
        let mut words = line.split([',', '"']);
        words
            .find(|w| ["alpha", "beta"].contains(w))
            .map(str::to_owned)
    };
    Ok(table.lines().filter_map(named).collect())
}

#[test]
fn a_corrected_scorer_turns_the_board() {
    at_each(&[ForgeVersion::Gitea124], |world| {
        world.needs_deliveries();
        for (team, value) in [("alpha", "0.9"), ("beta", "0.2")] {
            let repository = world.team(team, &["alice"]);
            let copy = world.clone_of("alice", &repository);
            let sha = scoring(&copy, value, 0);
            copy.push_main();
            world.ends(team, &sha, Outcome::Scored);
        }
        let board = world.repository("leaderboard");
        let organizers = world.repository("organizers");
        let issue = world.open("bob", &organizers, "Orders", "What we order");
        let at = (organizers.as_str(), issue);
        world
            .command("bob", at, "/apply")
            .message("no rescore is open");

        reverse_scorer(&world.daemon.path("challenge"));
        let asked = world.post("bob", at, "/rescore validation/segmentation");
        let preview = world.until("the preview should follow", |world| {
            let answer = world.answer(at, asked)?;
            holds(answer.text.contains("/apply"), &answer)?;
            Ok(answer)
        });
        assert!(
            preview.text.contains("2 of 2 submissions"),
            "{}",
            preview.text
        );
        assert!(
            preview.text.contains("2 teams change their places"),
            "{}",
            preview.text
        );
        world
            .command("bob", at, "/apply")
            .message("instead of")
            .message("2 teams change their places");
        world.until("the board's files should turn", |world| {
            let now = teams(world, &board)?;
            holds(now == ["beta", "alpha"], now)
        });
        world
            .command("bob", at, "/status validation/segmentation")
            .message("beta");
    });
}
