//! The command line of `trm`: the commands with their help; each command declares its own arguments beside its code.

use crate::commands::admin::AdminArguments;
use crate::commands::bench::BenchArguments;
use crate::commands::build::BuildArguments;
use crate::commands::check::CheckArguments;
use crate::commands::completions::CompletionsArguments;
use crate::commands::dev::DevArguments;
use crate::commands::health::HealthArguments;
use crate::commands::indexes::IndexesArguments;
use crate::commands::inspect::InspectArguments;
use crate::commands::new::NewArguments;
use crate::commands::recording::{RecordArguments, ReplayArguments};
use crate::commands::sample::SampleArguments;
use crate::commands::serve::ServeArguments;
use crate::commands::test::TestArguments;
use crate::commands::trial::TrialArguments;
use std::ffi::OsString;

/// The command that runs where none is named.
const DEFAULT: &str = "dev";
/// What is answered for the program as a whole, and not by the default command.
const OWN_FLAGS: [&str; 4] = ["-h", "--help", "-V", "--version"];

/// Builds, checks, serves, tests and measures the functions of a spin.toml.
#[derive(clap::Parser)]
#[command(
    name = "trm",
    version,
    override_usage = "trm [COMMAND] [OPTIONS]",
    after_help = "Without a command `trm dev` runs: `trm --port 4000` is `trm dev --port 4000`.\n\
                  A flag goes before its environment variable, and the variable before the default.\n\
                  Where neither --manifest nor TRM_MANIFEST is given, spin.toml is searched in this folder and its parents.\n\
                  Exit status: 0 success, 1 failure, 2 wrong usage."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One command.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Build every function, load sample data once, serve on 127.0.0.1 and follow saves (the default command)
    Dev(DevArguments),
    /// Serve as in production: on all interfaces, without building
    Serve(ServeArguments),
    /// Create a function: code, test, manifest block and API description
    New(NewArguments),
    /// Build functions and run the tests beside them
    Test(TestArguments),
    /// Answer one request and keep it in a file, with every call that its function made
    Record(RecordArguments),
    /// Run recorded requests against the functions as they are now, without any store
    Replay(ReplayArguments),
    /// Check whether every function would run, and name all faults at once
    Check(CheckArguments),
    /// Compile every function ahead of time
    Build(BuildArguments),
    /// Show a function's size, digests, imports, grants and limits
    Inspect(InspectArguments),
    /// Measure cold starts, memory of instances, and latency against load
    Bench(BenchArguments),
    /// Ask the host on this machine for its health; fails where it is not healthy
    Health(HealthArguments),
    /// Create every index in the configured store
    Indexes(IndexesArguments),
    /// Load the sample data into the configured store
    Sample(SampleArguments),
    /// Operate the host on this machine: invalidate its cache, reload it, create a key
    Admin(AdminArguments),
    /// Print a completion script for a shell
    Completions(CompletionsArguments),
    /// Run the host of one test, driven by lines of JSON on standard input
    #[command(hide = true)]
    Trial(TrialArguments),
}

/// The arguments of the process, with the default command where none is named.
pub(crate) fn with_default_command(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    let named = arguments.get(1).is_some_and(|first| {
        !first.as_encoded_bytes().starts_with(b"-") || OWN_FLAGS.iter().any(|flag| first == flag)
    });
    if !named {
        arguments.insert(arguments.len().min(1), DEFAULT.into());
    }
    arguments
}

#[cfg(test)]
#[path = "arguments_tests.rs"]
mod tests;
