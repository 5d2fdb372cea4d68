//! Askers of one core: a closed loop that finds the most, and an open loop whose requests are due at a fixed rate whether or not those before them are answered; knows no host.

use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

/// How late a timer of the runtime may be, which counts whole milliseconds.
const TIMER: Duration = Duration::from_millis(2);

/// Requests that wait to be asked.
pub struct Line {
    /// When the next one is due.
    pub due: Instant,
    /// How long after it the one behind it is.
    pub every: Duration,
    /// How many there are.
    pub left: u64,
    /// Who waits still at this time is not asked any more.
    pub end: Instant,
}

/// What came of them.
#[derive(Debug, Default)]
pub struct Outcome {
    /// From when each was due to its whole answer. Of one that was given up, to when that was: it took no less.
    pub took: Vec<Duration>,
    /// Answers that are no success, whose time says nothing.
    pub failed: u64,
    /// Requests that waited in line until it ended.
    pub given_up: u64,
}

impl Line {
    /// When the next request was due, once that has come; none where all have been taken.
    async fn next(&mut self) -> Option<Instant> {
        self.left = self.left.checked_sub(1)?;
        let due = self.due;
        self.due += self.every;
        until(due).await;
        Some(due)
    }
}

impl Outcome {
    /// Both together.
    pub fn join(&mut self, other: Self) {
        self.took.extend(other.took);
        self.failed += other.failed;
        self.given_up += other.given_up;
    }
}

/// No earlier, and by far less than a request takes later. The last of it is not slept: others have their turns.
async fn until(due: Instant) {
    let ahead = due.saturating_duration_since(Instant::now());
    if ahead > TIMER {
        tokio::time::sleep(ahead - TIMER).await;
    }
    while Instant::now() < due {
        tokio::task::yield_now().await;
    }
}

/// Has a line asked by so many at one time; `ask` says whether its answer is a success.
pub async fn open<A, F>(line: Line, askers: usize, ask: A) -> anyhow::Result<Outcome>
where
    A: Fn() -> F + Clone + Send + 'static,
    F: Future<Output = bool> + Send + 'static,
{
    let end = line.end;
    let line = Arc::new(Mutex::new(line));
    let mut asking = JoinSet::new();
    for _ in 0..askers {
        asking.spawn(from(line.clone(), end, ask.clone()));
    }
    let mut all = Outcome::default();
    while let Some(one) = asking.join_next().await {
        all.join(one?);
    }
    Ok(all)
}

async fn from<A, F>(line: Arc<Mutex<Line>>, end: Instant, ask: A) -> Outcome
where
    A: Fn() -> F,
    F: Future<Output = bool>,
{
    let mut outcome = Outcome::default();
    loop {
        // Held until the request is due: of all askers only the first in line looks at the clock.
        let due = line.lock().await.next().await;
        let Some(due) = due else {
            return outcome;
        };
        if Instant::now() > end {
            outcome.given_up += 1;
            outcome.took.push(due.elapsed());
            continue;
        }
        let asked = ask();
        match asked.await {
            true => outcome.took.push(due.elapsed()),
            false => outcome.failed += 1,
        }
    }
}

/// How many successes so many askers have until then who ask anew as soon as they are answered.
pub async fn closed<A, F>(end: Instant, askers: usize, ask: A) -> anyhow::Result<u64>
where
    A: Fn() -> F + Clone + Send + 'static,
    F: Future<Output = bool> + Send + 'static,
{
    let mut asking = JoinSet::new();
    for _ in 0..askers {
        asking.spawn(again(end, ask.clone()));
    }
    let mut all = 0;
    while let Some(one) = asking.join_next().await {
        all += one?;
    }
    Ok(all)
}

async fn again<A, F>(end: Instant, ask: A) -> u64
where
    A: Fn() -> F,
    F: Future<Output = bool>,
{
    let mut done = 0;
    while Instant::now() < end {
        let asked = ask();
        done += u64::from(asked.await);
        // An answer that is there at once would leave the others of this core without a turn.
        tokio::task::yield_now().await;
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;
    use std::sync::atomic::Ordering::Relaxed;

    const EVERY: Duration = Duration::from_millis(1);

    fn line(left: u64, patience: Duration) -> Line {
        let due = Instant::now();
        Line {
            due,
            every: EVERY,
            left,
            end: due + patience,
        }
    }

    async fn slow() -> bool {
        tokio::time::sleep(Duration::from_millis(20)).await;
        true
    }

    #[tokio::test]
    async fn time_in_line_counts_from_when_a_request_was_due() {
        let line = line(10, Duration::from_secs(60));
        let outcome = open(line, 1, slow).await.unwrap();
        assert_eq!(
            (outcome.took.len(), outcome.failed, outcome.given_up),
            (10, 0, 0)
        );
        // The one at this place waited for those before it, and each of them took its time.
        for (place, took) in (0_u32..).zip(&outcome.took) {
            let least = Duration::from_millis(20) * (place + 1) - EVERY * place;
            assert!(*took >= least, "{place}: {took:?} of {least:?}");
        }
    }

    #[tokio::test]
    async fn nobody_is_asked_before_it_is_due() {
        let mut line = line(20, Duration::from_secs(60));
        let began = line.due;
        while let Some(due) = line.next().await {
            assert!(Instant::now() >= due, "{:?}", due - began);
        }
        assert!(began.elapsed() >= EVERY * 19);
    }

    #[tokio::test]
    async fn who_waits_at_the_end_is_given_up_and_counted() {
        let asked = Arc::new(AtomicU64::new(0));
        let counted = asked.clone();
        let ask = move || {
            counted.fetch_add(1, Relaxed);
            slow()
        };
        let patience = Duration::from_millis(50);
        let outcome = open(line(10, patience), 1, ask).await.unwrap();
        assert!(outcome.given_up > 0, "{outcome:?}");
        assert_eq!(outcome.given_up + asked.load(Relaxed), 10);
        // Left out, they would make the percentiles better than the line was.
        assert_eq!(outcome.took.len(), 10);
        let longest = outcome.took.iter().max();
        assert!(*longest.unwrap() >= patience - EVERY * 10, "{outcome:?}");
    }

    #[tokio::test]
    async fn a_failure_has_no_time() {
        let line = line(5, Duration::from_secs(60));
        let outcome = open(line, 2, || std::future::ready(false)).await.unwrap();
        assert_eq!((outcome.took.len(), outcome.failed), (0, 5));
    }

    #[tokio::test]
    async fn a_closed_loop_counts_successes_alone_until_its_end() {
        let asked = Arc::new(AtomicU64::new(0));
        let end = Instant::now() + Duration::from_millis(50);
        let counted = asked.clone();
        let ask = move || {
            let before = counted.fetch_add(1, Relaxed);
            std::future::ready(before.is_multiple_of(2))
        };
        let done = closed(end, 4, ask).await.unwrap();
        assert!(Instant::now() >= end);
        assert_eq!(done, asked.load(Relaxed).div_ceil(2));
    }
}
