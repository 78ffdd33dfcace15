//! Sends deliveries one after the other, as the forge does: five seconds for an answer, no second attempt, no redirect
//! followed.

use std::time::Duration;

use super::api::Forge;
use super::deliveries::{Delivery, delivery_id};

/// Time between two looks at the queue.
const PAUSE: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(5);

/// A delivery that was sent, and the receiver's status; `None` if it did not answer.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub delivery: Delivery,
    pub status: Option<u16>,
}

/// Sends the queue for ever.
pub(crate) async fn run(forge: Forge) {
    let policy = reqwest011::redirect::Policy::none();
    let client = reqwest011::Client::builder().timeout(PATIENCE).redirect(policy).build();
    let client = client.unwrap();
    let mut held: Option<Delivery> = None;
    loop {
        if forge.delivery_faults().hold {
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        if forge.state().outbox.is_empty() {
            if let Some(late) = held.take() {
                send(&forge, &client, late).await;
            }
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        let (delay, dropped, twice, late) = forge.next_delivery_faults();
        tokio::time::sleep(delay).await;
        // The forge may have dropped it meanwhile.
        let Some(delivery) = forge.state().outbox.pop_front() else {
            continue;
        };
        if dropped {
            continue;
        }
        if late && held.is_none() {
            held = Some(delivery);
            continue;
        }
        send(&forge, &client, delivery.clone()).await;
        if twice {
            send(&forge, &client, delivery).await;
        }
        if let Some(late) = held.take() {
            send(&forge, &client, late).await;
        }
    }
}

async fn send(forge: &Forge, client: &reqwest011::Client, delivery: Delivery) {
    let mut request = client.post(&delivery.url).header("User-Agent", "Go-http-client/1.1");
    for (name, value) in &delivery.headers {
        request = request.header(name, value);
    }
    let answer = request.body(delivery.body.clone()).send().await;
    let status = answer.ok().map(|answer| answer.status().as_u16());
    forge.note_sent(Sent { delivery, status });
}

impl Delivery {
    /// The same delivery with a new id, as the button on the forge's page sends it.
    pub(crate) fn again(mut self) -> Self {
        let id = delivery_id();
        let ids = self.headers.iter_mut().filter(|(name, _)| name.ends_with("-Delivery"));
        ids.for_each(|(_, value)| id.clone_into(value));
        self
    }
}
