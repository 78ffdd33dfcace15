//! The program `referee`. It only calls the command line of the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    referee::cli::run()
}
