//! `referee hook post-receive`: reports a push to the daemon, and prints the response line by line.
//!
//! It never fails, because the push has already succeeded when git calls the hook. The daemon reads the repository
//! itself and believes nothing that the hook sends.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration as StdDuration;

use clap::{Args, Subcommand};

use crate::config;
use crate::forge::hook_address;
use crate::model::limits;

/// The daemon is on this machine. If it does not accept the connection at once, it does not run.
const CONNECT_TIME: StdDuration = StdDuration::from_secs(2);
/// The list of refs that git passes to the hook.
const STDIN_BYTES_MAX: u64 = 1024 * 1024;

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(subcommand)]
    hook: Hook,
}

#[derive(Debug, Subcommand)]
enum Hook {
    /// After a push
    PostReceive,
}

pub(super) async fn run(options: &Options) -> ExitCode {
    let Hook::PostReceive = options.hook;
    if let Err(error) = notify().await {
        println!("Referee cannot be reached ({error:#}).");
        println!("Your push is stored. Referee finds it within about a minute after the daemon is back.");
    }
    ExitCode::SUCCESS
}

async fn notify() -> anyhow::Result<()> {
    let mut refs = String::new();
    std::io::stdin().take(STDIN_BYTES_MAX).read_to_string(&mut refs)?;
    let (url, token) = hook_address(Path::new("."))?;
    let watch = config::push_options().iter().any(|o| o == "watch");
    super::terminal::install_tls();
    let client = reqwest::Client::builder().connect_timeout(CONNECT_TIME).no_proxy().build()?;
    let mut request =
        client.post(format!("{url}/local/{}/pushed?watch={}", token.as_str(), u8::from(watch))).body(refs);
    if !watch {
        // The daemon responds within its own limit. This limit is for a daemon that hangs.
        request = request.timeout(limits::HOOK_VERDICT_WAIT.std() + CONNECT_TIME * 2);
    }
    let mut response = request
        .send()
        .await
        .map_err(reqwest::Error::without_url)?
        .error_for_status()
        .map_err(reqwest::Error::without_url)?;
    let mut out = std::io::stdout();
    while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        // git prints a line as soon as it is complete.
        out.write_all(&chunk)?;
        out.flush()?;
    }
    Ok(())
}
