//! Connections that are lent and interrupted; the statements are the tests' own.

use super::super::tests::ENDLESS;
use super::*;
use std::path::PathBuf;
use std::sync::mpsc;

/// Connections to a file in a folder that is removed with the test.
struct Opened {
    lane: Arc<Lane>,
    folder: PathBuf,
}

impl Opened {
    fn new(name: &str, count: usize) -> Self {
        let folder = std::env::temp_dir().join(format!("trm-lane-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let lane = Arc::new(Lane::open(&folder.join("x.sqlite"), count).unwrap());
        Self { lane, folder }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        // What cannot be removed is in the system's folder for what may be lost.
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

fn within(milliseconds: u64) -> Instant {
    Instant::now() + Duration::from_millis(milliseconds)
}

fn number(connection: &mut Connection, sql: &str) -> Outcome<i64> {
    connection
        .query_row(sql, [], |row| row.get(0))
        .map_err(fault)
}

#[tokio::test]
async fn a_statement_is_interrupted_at_the_deadline_and_its_connection_serves_on() {
    let opened = Opened::new("interrupted", 1);
    let began = Instant::now();
    let endless = opened
        .lane
        .run(within(50), |connection| number(connection, ENDLESS))
        .await;
    assert!(
        matches!(endless, Err(OriginError::DeadlineExceeded)),
        "{endless:?}"
    );
    assert!(began.elapsed() >= Duration::from_millis(50));
    let next = opened
        .lane
        .run(within(20_000), |connection| number(connection, "SELECT 7"))
        .await;
    assert_eq!(next.unwrap(), 7);
}

#[tokio::test]
async fn a_call_waits_for_a_connection_no_longer_than_its_deadline() {
    let opened = Opened::new("waits", 1);
    assert_eq!(opened.lane.used(), 0);
    let (release, released) = mpsc::channel();
    let (begin, begun) = tokio::sync::oneshot::channel();
    let lane = opened.lane.clone();
    let holder = tokio::spawn(async move {
        let work = move |_: &mut Connection| {
            begin.send(()).unwrap();
            released.recv().unwrap();
            Ok(())
        };
        lane.run(within(20_000), work).await
    });
    begun.await.unwrap();
    assert_eq!(opened.lane.used(), 1);
    let waiting = opened
        .lane
        .run(within(30), |connection| number(connection, "SELECT 7"));
    let refused = waiting.await;
    assert!(
        matches!(refused, Err(OriginError::DeadlineExceeded)),
        "{refused:?}"
    );
    release.send(()).unwrap();
    holder.await.unwrap().unwrap();
    assert_eq!(opened.lane.used(), 0);
    let next = opened
        .lane
        .run(within(20_000), |connection| number(connection, "SELECT 7"))
        .await;
    assert_eq!(next.unwrap(), 7);
}

#[tokio::test]
async fn as_many_calls_run_at_one_time_as_there_are_connections() {
    let opened = Opened::new("several", 3);
    let together = Arc::new(std::sync::Barrier::new(3));
    let calls: Vec<_> = (0..3)
        .map(|_| {
            let (lane, together) = (opened.lane.clone(), together.clone());
            // Each waits for the two others: one at a time would never end.
            tokio::spawn(async move {
                let work = move |_: &mut Connection| Ok(together.wait().is_leader());
                lane.run(within(20_000), work).await
            })
        })
        .collect();
    let mut leaders = 0;
    for call in calls {
        leaders += u32::from(call.await.unwrap().unwrap());
    }
    assert_eq!(leaders, 1);
}

#[tokio::test]
async fn a_call_that_panics_is_a_fault_and_loses_no_connection() {
    let opened = Opened::new("panics", 1);
    let panicking = opened.lane.run(within(20_000), |connection| {
        if number(connection, "SELECT 7").is_ok() {
            panic!("asked to panic");
        }
        Ok(())
    });
    let failed = panicking.await;
    assert!(
        matches!(failed, Err(OriginError::Internal(_))),
        "{failed:?}"
    );
    assert_eq!(opened.lane.used(), 0);
    let next = opened
        .lane
        .run(within(20_000), |connection| number(connection, "SELECT 7"))
        .await;
    assert_eq!(next.unwrap(), 7);
}
