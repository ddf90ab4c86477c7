//! The binary: one runtime, one command.
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    yunfa::cli::run().await
}
