//! What must be read nowhere: the token, the hooks' secret, and what is made of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::log;
use crate::world::{SECRET, World};

/// Asserts that no secret of a world can be read in its log, its rows, its pages or on its forge.
pub async fn are_kept(world: &World) {
    let token = &world.token;
    let forms = [
        token.clone(),
        STANDARD.encode(token),
        STANDARD.encode(format!("referee:{token}")),
        STANDARD.encode(format!("token:{token}")),
        STANDARD.encode(format!(":{token}")),
        STANDARD.encode(format!("{token}:")),
        SECRET.to_owned(),
        STANDARD.encode(SECRET),
    ];
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
    for (place, text) in &told {
        assert!(!text.is_empty(), "{place}");
        for form in &forms {
            // Who names one end of a secret tells too much already.
            let beginning = &form[..form.len().min(16)];
            assert!(!text.contains(beginning), "{place} tells a secret");
        }
    }
}
