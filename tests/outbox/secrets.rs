//! What must be read nowhere: the token and the hooks' secret, however they are written.

use crate::canary::Words;
use crate::log;
use crate::world::{SECRET, World};

/// Who names one end of a secret tells too much already: so many characters.
const END: usize = 16;

/// Asserts that no secret of a world can be read in its log, its rows, its pages or on its forge.
pub async fn are_kept(world: &World) {
    let words = Words::of(&[&world.token[..END], &SECRET[..END]]);
    let mut told = vec![("log", log::text()), ("rows", world.rows().await)];
    {
        let state = world.forge.state();
        told.push((
            "forge",
            format!(
                "{:?} {:?} {:?}",
                state.comments, state.issues, state.statuses
            ),
        ));
    }
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for page in [
        "/",
        "/challenges/nuclei",
        "/challenges/nuclei/validation/segmentation",
    ] {
        let answer = client
            .get(format!("{}{page}", world.url))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{page}");
        told.push(("page", answer.text().await.unwrap()));
    }
    for (location, text) in &told {
        assert!(!text.is_empty(), "{location}");
        assert_eq!(words.told(text), None, "{location} tells a secret");
    }
}
