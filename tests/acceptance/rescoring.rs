//! A rescore with a corrected scorer changes the leaderboard, by comments alone.

use referee::model::Outcome;

use crate::challenge::{reverse_scorer, scoring};
use crate::instance::at_each;
use crate::model::ForgeVersion;
use crate::published::holds;
use crate::world::World;

/// The teams in the file of a leaderboard, in the order of its rows.
fn teams(world: &World, board: &str) -> Result<Vec<String>, String> {
    let table = world.file(board, "validation/segmentation.csv")?;
    let named = |line: &str| {
        let mut words = line.split([',', '"']);
        words.find(|w| ["alpha", "beta"].contains(w)).map(str::to_owned)
    };
    Ok(table.lines().filter_map(named).collect())
}

#[test]
fn a_rescore_by_comments_changes_the_leaderboard() {
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
        let issue = world.open("bob", &organizers, "Commands", "Our commands");
        let at = (organizers.as_str(), issue);
        world.command("bob", at, "/apply").message("There is no open rescore");

        reverse_scorer(&world.daemon.path("challenge"));
        let asked = world.post("bob", at, "/rescore validation/segmentation");
        let preview = world.until("the preview should follow", |world| {
            let answer = world.answer(at, asked)?;
            holds(answer.text.contains("/apply"), &answer)?;
            Ok(answer)
        });
        assert!(preview.text.contains("2 of 2 submissions"), "{}", preview.text);
        assert!(preview.text.contains("2 teams change their ranks"), "{}", preview.text);
        world.command("bob", at, "/apply").message("instead of").message("2 teams change their ranks");
        world.until("the files of the leaderboard should change", |world| {
            let now = teams(world, &board)?;
            holds(now == ["beta", "alpha"], now)
        });
        world.command("bob", at, "/status validation/segmentation").message("beta");
    });
}
