//! How long a connection may stay without a request, and how long one of HTTP/2 may live; knows no stream.

use http::Version;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::time::Instant;

/// The bounds of one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// From the start until the first request: hyper's own clock runs only once the version is known.
    pub(super) silence: Duration,
    /// After it an HTTP/2 client is told to open another: it may hold answers back with its windows.
    pub(super) age: Duration,
    /// How long what was under way then may go on.
    pub(super) farewell: Duration,
}

/// What was spoken so far on a connection.
#[derive(Debug, Default)]
pub(super) struct Spoken(AtomicU8);

impl Spoken {
    /// A request has come.
    pub(super) fn hears(&self, version: Version) {
        let spoken = if version == Version::HTTP_2 { 2 } else { 1 };
        self.0.store(spoken, Relaxed);
    }
}

/// What is to be done with a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is to take no more requests and end those it has.
    Finish,
    /// It is to end now; why.
    Cut(&'static str),
}

/// The next bound of one connection.
#[derive(Debug)]
pub(super) struct Clock {
    bounds: Bounds,
    stage: Stage,
    next: Instant,
}

#[derive(Debug)]
enum Stage {
    Silent,
    Old,
    Ending,
    /// HTTP/1: hyper bounds each head, and a stream that is not read is given up.
    Unbounded,
}

impl Clock {
    /// Starts.
    pub(super) fn start(bounds: Bounds) -> Self {
        Self {
            bounds,
            stage: Stage::Silent,
            next: Instant::now() + bounds.silence,
        }
    }

    /// Waits until something is to be done, for ever where nothing will be.
    pub(super) async fn turn(&mut self, spoken: &Spoken) -> Turn {
        loop {
            if let Stage::Unbounded = self.stage {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep_until(self.next).await;
            match (&self.stage, spoken.0.load(Relaxed)) {
                (Stage::Silent, 0) => return Turn::Cut("no request came"),
                (Stage::Silent, 2) => {
                    self.stage = Stage::Old;
                    self.next += self.bounds.age;
                }
                (Stage::Silent | Stage::Unbounded, _) => self.stage = Stage::Unbounded,
                (Stage::Old, _) => {
                    self.stage = Stage::Ending;
                    self.next += self.bounds.farewell;
                    return Turn::Finish;
                }
                (Stage::Ending, _) => return Turn::Cut("its answers were not fetched"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        silence: Duration::from_millis(2),
        age: Duration::from_millis(2),
        farewell: Duration::from_millis(2),
    };

    #[tokio::test]
    async fn silence_is_cut_and_a_connection_of_http_2_is_ended_in_two_steps() {
        let (mut clock, spoken) = (Clock::start(BOUNDS), Spoken::default());
        assert_eq!(clock.turn(&spoken).await, Turn::Cut("no request came"));
        let mut clock = Clock::start(BOUNDS);
        spoken.hears(Version::HTTP_2);
        assert_eq!(clock.turn(&spoken).await, Turn::Finish);
        assert!(matches!(clock.turn(&spoken).await, Turn::Cut(_)));
    }

    #[tokio::test]
    async fn http_1_is_left_alone_once_it_has_asked() {
        let (mut clock, spoken) = (Clock::start(BOUNDS), Spoken::default());
        spoken.hears(Version::HTTP_11);
        let turn = tokio::time::timeout(Duration::from_millis(50), clock.turn(&spoken));
        assert!(turn.await.is_err());
    }
}
