//! A build command as a child process: its output passes through, and its duration is shown while it says nothing.

use crate::status;
use anyhow::{Context, ensure};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;

/// How long the output of a child that has ended is still read. What it started may hold its pipes open.
const REST: Duration = Duration::from_secs(1);

/// Runs a command that shows its own progress on the terminal.
pub(super) async fn run(command: &mut Command) -> anyhow::Result<()> {
    let program = program(command);
    let status = command.kill_on_drop(true).status().await;
    let status = status.with_context(|| format!("{program} cannot be run"))?;
    ensure!(status.success(), "{program} failed; what it said is above");
    Ok(())
}

/// Runs a command of which nothing is known. Its lines are printed above the line that shows how long it takes.
pub(super) async fn run_shown(what: &str, command: &mut Command) -> anyhow::Result<()> {
    let program = program(command);
    let mut child = command
        .kill_on_drop(true)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{program} cannot be run"))?;
    let output = child.stdout.take().context("a child has pipes")?;
    let errors = child.stderr.take().context("a child has pipes")?;
    let lines = async {
        let output = print(output, status::say);
        let errors = print(errors, status::complain);
        tokio::join!(output, errors)
    };
    let mut lines = std::pin::pin!(lines);
    let work = async {
        tokio::select! {
            _ = &mut lines => child.wait().await,
            status = child.wait() => {
                drop(tokio::time::timeout(REST, &mut lines).await);
                status
            }
        }
    };
    let status = status::during(what, work).await?;
    ensure!(status.success(), "{program} failed; what it said is above");
    Ok(())
}

fn program(command: &Command) -> String {
    command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned()
}

/// Prints each line until there are no more. Bytes that are no text are replaced.
async fn print(output: impl AsyncRead + Unpin, line: impl Fn(&str)) {
    let mut output = BufReader::new(output);
    let mut bytes = Vec::new();
    while let Ok(1..) = output.read_until(b'\n', &mut bytes).await {
        line(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']));
        bytes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn a_command_that_fails_is_named_and_one_whose_child_lives_on_is_not_waited_for() {
        run(&mut shell("true")).await.unwrap();
        let failed = run(&mut shell("false")).await.unwrap_err().to_string();
        assert_eq!(failed, "sh failed; what it said is above");
        run_shown("a", &mut shell("echo said; echo wrong >&2"))
            .await
            .unwrap();
        let failed = run_shown("a", &mut shell("exit 3")).await;
        assert!(failed.is_err());
        let began = std::time::Instant::now();
        run_shown("a", &mut shell("sleep 20 & true")).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(10));
        assert!(run(&mut Command::new("/no/such/program")).await.is_err());
    }

    #[tokio::test]
    async fn every_line_is_printed_once_and_without_its_end() {
        let printed = std::cell::RefCell::new(Vec::new());
        let output: &[u8] = b"one\r\n\ntwo \xff\nlast";
        print(output, |line| printed.borrow_mut().push(line.to_owned())).await;
        assert_eq!(printed.into_inner(), ["one", "", "two \u{fffd}", "last"]);
    }
}
