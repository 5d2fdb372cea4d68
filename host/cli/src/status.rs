//! Progress on a terminal: one line on standard error that is written again each second; plain lines elsewhere.
//!
//! The line is rewritten by a carriage return and spaces, without escape sequences.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the line is written again on a terminal.
const PERIOD: Duration = Duration::from_secs(1);
/// How many of these periods pass between two lines where there is no terminal.
const PERIODS_WITHOUT_TERMINAL: u64 = 10;
/// A longer line would be wrapped by the terminal, and could not be rewritten.
const WIDTH: usize = 79;

/// How many characters of the line stand on the terminal.
static SHOWN: Mutex<usize> = Mutex::new(0);

/// Prints a line of output, above the line of progress.
pub(crate) fn say(line: &str) {
    clear();
    println!("{line}");
}

/// The same on standard error.
pub(crate) fn complain(line: &str) {
    clear();
    eprintln!("{line}");
}

/// Removes the line of progress.
pub(crate) fn clear() {
    show("");
}

/// Shows how far something is, on a terminal.
pub(crate) fn progress(line: &str) {
    if std::io::stderr().is_terminal() {
        show(line);
    }
}

/// Waits for some work. Work of more than a second is shown with its duration each second, on a terminal.
pub(crate) async fn during<T>(what: &str, work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let is_terminal = std::io::stderr().is_terminal();
    let mut ticks = tokio::time::interval_at((began + PERIOD).into(), PERIOD);
    let mut work = std::pin::pin!(work);
    let done = loop {
        tokio::select! {
            biased;
            done = &mut work => break done,
            _ = ticks.tick() => {
                let seconds = began.elapsed().as_secs();
                let line = format!("{what} … {seconds} s");
                if is_terminal {
                    show(&line);
                } else if seconds.is_multiple_of(PERIODS_WITHOUT_TERMINAL) {
                    eprintln!("{line}");
                }
            }
        }
    };
    clear();
    done
}

fn show(text: &str) {
    let mut shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(line) = rewritten(text, *shown) else {
        return;
    };
    *shown = text.chars().count().min(WIDTH);
    let mut terminal = std::io::stderr().lock();
    // Without a reader there is no progress to show.
    drop(terminal.write_all(line.as_bytes()));
    drop(terminal.flush());
}

/// What turns a line of `shown` characters into `text`; nothing where neither has any.
fn rewritten(text: &str, shown: usize) -> Option<String> {
    let text: String = text.chars().take(WIDTH).collect();
    let rest = shown.saturating_sub(text.chars().count());
    match (text.is_empty(), shown) {
        (true, 0) => None,
        (true, _) => Some(format!("\r{:shown$}\r", "")),
        (false, _) => Some(format!("\r{text}{:rest$}", "")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_replaces_the_whole_line_before() {
        assert_eq!(rewritten("", 0), None);
        assert_eq!(rewritten("abc", 0).unwrap(), "\rabc");
        assert_eq!(rewritten("a", 3).unwrap(), "\ra  ");
        assert_eq!(rewritten("", 2).unwrap(), "\r  \r");
        let long = "x".repeat(200);
        assert_eq!(rewritten(&long, 0).unwrap().len(), WIDTH + 1);
    }

    #[tokio::test]
    async fn work_is_waited_for() {
        let work = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            7
        };
        assert_eq!(during("sleeping", work).await, 7);
    }
}
