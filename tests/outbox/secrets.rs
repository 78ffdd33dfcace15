//! The token of the bot and the secret of the webhook must appear nowhere, in any encoding.

use crate::canary::Words;
use crate::log;
use crate::world::{SECRET, World};

/// The number of first characters that already count as the secret.
const START: usize = 16;

/// Asserts that the log, the database, the pages and the forge of a world hold no secret.
pub(crate) async fn assert_kept(world: &World) {
    let words = Words::of(&[&world.token[..START], &SECRET[..START]]);
    let mut published = vec![("log", log::text()), ("rows", world.rows().await)];
    {
        let state = world.forge.state();
        published.push(("forge", format!("{:?} {:?} {:?}", state.comments, state.issues, state.statuses)));
    }
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for page in ["/", "/challenges/nuclei", "/challenges/nuclei/validation/segmentation"] {
        let answer = client.get(format!("{}{page}", world.url)).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{page}");
        published.push(("page", answer.text().await.unwrap()));
    }
    for (location, text) in &published {
        assert!(!text.is_empty(), "{location}");
        assert_eq!(words.find(text), None, "{location} holds a secret");
    }
}
