//! `referee init`: a challenge that runs at once, to be changed into one's own.
//!
//! The files are those of the example `nuclei`, in the program itself, so that nothing has to be
//! downloaded; nothing that exists is overwritten.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

#[derive(Debug, Args)]
pub struct Options {
    /// Folder to make, for example `my-challenge`.
    directory: PathBuf,
}

include!(concat!(env!("OUT_DIR"), "/scaffold.rs"));

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let root = &options.directory;
    if root.exists() && std::fs::read_dir(root)?.next().is_some() {
        anyhow::bail!(
            "{} is not empty; choose a new folder, nothing is overwritten",
            root.display()
        );
    }
    for (path, content) in SCAFFOLD {
        let path = root.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, content).with_context(|| format!("writing {}", path.display()))?;
    }
    let shown = root.display();
    println!("A challenge is in {shown}:");
    println!("  challenge/challenge.toml   tasks, metrics, phases, quotas");
    println!("  challenge/scorer/          the program that compares predictions with the truth");
    println!("  challenge/sample/          public cases; challenge/data/ the hidden ones");
    println!("  challenge/template/        what a team's repository starts from");
    println!("  referee.toml               settings of the daemon");
    println!();
    println!("Next:");
    println!("  cd {shown}");
    println!("  referee config check       # are they right?");
    println!("  referee doctor             # is everything there that they need?");
    println!("  referee serve              # pages at http://127.0.0.1:8030");
    println!("  referee admin team add alpha");
    Ok(ExitCode::SUCCESS)
}
