//! `trm completions`: a completion script for a shell, made from the command line itself.

use crate::arguments::Arguments;
use clap::CommandFactory;
use clap_complete::Shell;
use std::io::Write;

#[derive(clap::Args)]
pub(crate) struct CompletionsArguments {
    /// The shell, which reads the script from a file of its own: source <(trm completions bash)
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(arguments: CompletionsArguments) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        "trm",
        &mut script,
    );
    std::io::stdout().write_all(&script)?;
    Ok(())
}
