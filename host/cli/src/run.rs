//! Runs one command: from the arguments of the process to its exit status.

use crate::arguments::{Arguments, Command, with_default_command};
use crate::commands;
use crate::settings::UsageError;
use anyhow::Context;
use clap::Parser;
use std::pin::Pin;
use std::process::ExitCode;

/// The exit status of wrong usage, as of most programs; 1 is every other failure.
const USAGE: u8 = 2;

/// Reads the arguments and runs the command.
pub fn main() -> ExitCode {
    let arguments = with_default_command(std::env::args_os());
    let command = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments.command,
        Err(answer) => {
            // Help and the version come as errors as well, with a status of 0. Where nobody reads the output the status
            // still tells.
            drop(answer.print());
            return ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(USAGE));
        }
    };
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("trm: {error:#}");
            match error.is::<UsageError>() {
                true => ExitCode::from(USAGE),
                false => ExitCode::FAILURE,
            }
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Dev(arguments) => wait(Box::pin(commands::dev::run(arguments))),
        Command::Serve(arguments) => wait(Box::pin(commands::serve::run(arguments))),
        Command::New(arguments) => commands::new::run(arguments),
        Command::Test(arguments) => wait(Box::pin(commands::test::run(arguments))),
        Command::Record(arguments) => wait(Box::pin(commands::recording::record(arguments))),
        Command::Replay(arguments) => wait(Box::pin(commands::recording::replay(arguments))),
        Command::Check(arguments) => commands::check::run(arguments),
        Command::Build(arguments) => commands::build::run(arguments),
        Command::Inspect(arguments) => commands::inspect::run(arguments),
        Command::Bench(arguments) => wait(Box::pin(commands::bench::run(arguments))),
        Command::Health(arguments) => commands::health::run(arguments),
        Command::Indexes(arguments) => wait(Box::pin(commands::indexes::run(arguments))),
        Command::Sample(arguments) => wait(Box::pin(commands::sample::run(arguments))),
        Command::Admin(arguments) => wait(Box::pin(commands::admin::run(arguments))),
        Command::Completions(arguments) => commands::completions::run(arguments),
        Command::Trial(arguments) => wait(Box::pin(commands::trial::run(arguments))),
    }
}

/// Waits for an asynchronous command. Boxed and not generic, so that its state machine is compiled once, in this crate.
fn wait(command: Pin<Box<dyn Future<Output = anyhow::Result<()>>>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")?
        .block_on(command)
}
