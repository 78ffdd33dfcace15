//! `referee replay`: posts recorded deliveries to a running daemon, as the forge did.
//!
//! The files are those of `webhook-fixtures/`: `NAME.body` and `NAME.headers.json`. The daemon has a secret of its own,
//! so a delivery is signed again with the secret in `--secret-file`, in the one header that every kind of forge sends.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use crate::forge::signature::{HUB_SIGNATURE_256, WebhookSecret};

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  referee replay webhook-fixtures/gitea-1.27-dev/push-update
  referee replay webhook-fixtures/gitea-1.27-dev --secret-file secret.txt")]
pub(super) struct Options {
    /// Deliveries: `webhook-fixtures/gitea-1.27-dev/push-update`, with or without `.body`; a folder
    /// means all deliveries in it.
    #[arg(required = true)]
    deliveries: Vec<PathBuf>,
    /// Endpoint of the daemon.
    #[arg(long, default_value = "http://127.0.0.1:8030/hooks/gitea")]
    to: String,
    /// Sign again with the secret in this file; without it the recorded signature is sent.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

/// Headers that belong to the connection, not to the delivery.
const NOT_SENT: [&str; 5] = ["host", "content-length", "connection", "accept-encoding", "transfer-encoding"];

pub(super) async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    super::terminal::install_tls();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let secret = match &options.secret_file {
        Some(file) => {
            let text = std::fs::read_to_string(file).context("reading the secret")?;
            Some(WebhookSecret::new(text.trim())?)
        }
        None => None,
    };
    let mut refused = false;
    for stem in stems(&options.deliveries)? {
        let status = post(&client, &options.to, &stem, secret.as_ref()).await?;
        println!("{status}  {}", stem.display());
        refused |= !status.is_success();
    }
    Ok(ExitCode::from(u8::from(refused)))
}

fn stems(given: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut stems = Vec::new();
    for path in given {
        if path.is_dir() {
            let mut inside: Vec<PathBuf> = std::fs::read_dir(path)?
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|p| p.extension().is_some_and(|e| e == "body"))
                .map(|p| p.with_extension(""))
                .collect();
            inside.sort();
            stems.extend(inside);
        } else {
            stems.push(match path.extension() {
                Some(e) if e == "body" => path.with_extension(""),
                _ => path.clone(),
            });
        }
    }
    Ok(stems)
}

/// The file of a delivery. `with_extension` would shorten `push.tag` to `push`: names of deliveries may contain dots.
fn beside(stem: &Path, suffix: &str) -> PathBuf {
    let mut name = stem.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

async fn post(
    client: &reqwest::Client,
    to: &str,
    stem: &Path,
    secret: Option<&WebhookSecret>,
) -> anyhow::Result<reqwest::StatusCode> {
    let body = read_file(stem, ".body")?;
    let recorded: serde_json::Value = serde_json::from_slice(&read_file(stem, ".headers.json")?)
        .with_context(|| format!("{}.headers.json does not hold recorded headers", stem.display()))?;
    let mut request = client.post(to);
    for (name, value) in header_pairs(&recorded) {
        let lower = name.to_ascii_lowercase();
        let signature = lower.contains("signature");
        if NOT_SENT.contains(&lower.as_str()) || (signature && secret.is_some()) {
            continue;
        }
        request = request.header(name, value);
    }
    if let Some(secret) = secret {
        let signature = format!("{}{}", HUB_SIGNATURE_256.prefix, secret.sign(&body));
        request = request.header(HUB_SIGNATURE_256.name, signature);
    }
    let answer =
        request.body(body).send().await.with_context(|| {
            format!("no daemon answers at {to}; start `referee serve`, or name its address with --to")
        })?;
    Ok(answer.status())
}

fn read_file(stem: &Path, suffix: &str) -> anyhow::Result<Vec<u8>> {
    let file = beside(stem, suffix);
    std::fs::read(&file).with_context(|| {
        format!("{} cannot be read; a delivery is NAME.body with NAME.headers.json beside it", file.display())
    })
}

/// The recorded headers, which are a list of pairs or an object.
fn header_pairs(recorded: &serde_json::Value) -> Vec<(String, String)> {
    let headers = recorded.get("headers").unwrap_or(recorded);
    let text = |v: &serde_json::Value| v.as_str().map(str::to_owned);
    match headers {
        serde_json::Value::Array(pairs) => {
            pairs.iter().filter_map(|pair| Some((text(pair.get(0)?)?, text(pair.get(1)?)?))).collect()
        }
        serde_json::Value::Object(map) => {
            map.iter().filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect()
        }
        _ => Vec::new(),
    }
}
