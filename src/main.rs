//! The program `referee`: its command line is all that is here.

use std::process::ExitCode;

fn main() -> ExitCode {
    referee::cli::run()
}
