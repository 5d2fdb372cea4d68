//! A guest's stdout and stderr as lines of the host's log; bounded, never blocks the guest.

use prometheus_client::metrics::counter::Counter;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

/// A longer line is broken, so that a guest cannot make the host hold an endless one.
const MAX_LINE: usize = 8 << 10;

/// Lines of one function in a second, and how many it may save up.
const RATE: f64 = 100.0;
const BURST: f64 = 500.0;

/// How much all instances of one function may still log.
#[derive(Debug)]
pub struct LogLimit {
    dropped: Counter,
    left: Mutex<Left>,
}

#[derive(Debug)]
struct Left {
    lines: f64,
    at: Instant,
    missed: u64,
}

/// Whether a line may be logged.
#[derive(Debug, PartialEq, Eq)]
enum Admission {
    /// It may, after so many that might not.
    Line { missed: u64 },
    /// It may not.
    Dropped,
}

impl LogLimit {
    /// A full allowance; what is over it counts as dropped.
    pub fn new(dropped: Counter) -> Self {
        let left = Left {
            lines: BURST,
            at: Instant::now(),
            missed: 0,
        };
        Self {
            dropped,
            left: Mutex::new(left),
        }
    }

    fn admit(&self, now: Instant) -> Admission {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(left.at).as_secs_f64();
        left.lines = (left.lines + passed * RATE).min(BURST);
        left.at = now;
        if left.lines < 1.0 {
            left.missed += 1;
            self.dropped.inc();
            return Admission::Dropped;
        }
        left.lines -= 1.0;
        let missed = std::mem::take(&mut left.missed);
        Admission::Line { missed }
    }
}

/// Where one instance's output goes.
#[derive(Clone)]
pub struct GuestLog {
    function: Arc<str>,
    limit: Arc<LogLimit>,
    line: Arc<Mutex<Vec<u8>>>,
}

impl GuestLog {
    /// The log of a function's instance.
    pub fn new(function: Arc<str>, limit: Arc<LogLimit>) -> Self {
        Self {
            function,
            limit,
            line: Arc::default(),
        }
    }

    fn emit(&self, line: &mut Vec<u8>) {
        if let Admission::Line { missed } = self.limit.admit(Instant::now()) {
            if missed > 0 {
                tracing::warn!(target: "guest", function = %self.function, missed, "lines over the rate limit were dropped");
            }
            let text = String::from_utf8_lossy(line);
            tracing::info!(target: "guest", function = %self.function, "{}", text.trim_end());
        }
        line.clear();
    }
}

impl AsyncWrite for GuestLog {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        for &byte in bytes {
            if byte == b'\n' || line.len() >= MAX_LINE {
                self.emit(&mut line);
            }
            if byte != b'\n' {
                line.push(byte);
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if !line.is_empty() {
            self.emit(&mut line);
        }
        Poll::Ready(Ok(()))
    }
}

impl IsTerminal for GuestLog {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestLog {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_function_that_says_too_much_is_cut_short_and_told_of() {
        let limit = LogLimit::new(Counter::default());
        let now = Instant::now();
        let said = (0..1_000).filter(|_| limit.admit(now) != Admission::Dropped);
        assert_eq!(said.count(), BURST as usize);
        assert_eq!(limit.dropped.get(), 500);
        let later = limit.admit(now + Duration::from_secs(1));
        assert_eq!(later, Admission::Line { missed: 500 });
    }
}
