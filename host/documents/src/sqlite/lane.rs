//! Connections to one database file, each lent to one call at a time within its deadline; writes no SQL of its own.

use super::connection::Lent;
use super::connection::fault;
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use trm_documents::{OriginError, Outcome, calls};

/// Instructions of SQLite between two looks at the clock.
const LOOK_EVERY: i32 = 1_000;
/// How long a write waits for another process's.
const BUSY: Duration = Duration::from_secs(2);

/// Connections for one use, each lent to one call at a time.
pub(super) struct Lane {
    count: usize,
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Lane {
    pub(super) fn open(file: &Path, count: usize) -> Outcome<Self> {
        let idle = (0..count).map(|_| open(file).map_err(fault));
        let idle = idle.collect::<Result<Vec<_>, _>>()?;
        for connection in &idle {
            calls::prepare(&Lent(connection))?;
        }
        Ok(Self {
            count,
            permits: Arc::new(Semaphore::new(count)),
            idle: Arc::new(Mutex::new(idle)),
        })
    }

    /// Connections that are lent now.
    pub(super) fn used(&self) -> u64 {
        (self.count - self.permits.available_permits()) as u64
    }

    /// Runs on a thread that may block. SQLite is interrupted at the deadline, and so is the wait.
    pub(super) async fn run<A: Send + 'static>(
        &self,
        deadline: Instant,
        work: impl FnOnce(&mut Connection) -> Outcome<A> + Send + 'static,
    ) -> Outcome<A> {
        let permit = tokio::time::timeout_at(deadline.into(), self.permits.clone().acquire_owned())
            .await
            .map_err(|_| OriginError::DeadlineExceeded)?;
        let idle = self.idle.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut lent = OnLoan::new(idle);
            let Some(connection) = &mut lent.connection else {
                return Err(OriginError::Internal("a connection is lost".to_owned()));
            };
            connection
                .progress_handler(LOOK_EVERY, Some(move || Instant::now() >= deadline))
                .map_err(fault)?;
            work(connection)
        });
        done.await
            .map_err(|error| OriginError::Internal(error.to_string()))?
    }
}

/// A connection that goes back when its call ends, by a panic as well.
struct OnLoan {
    connection: Option<Connection>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl OnLoan {
    fn new(idle: Arc<Mutex<Vec<Connection>>>) -> Self {
        let connection = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self { connection, idle }
    }
}

impl Drop for OnLoan {
    fn drop(&mut self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.connection.take());
    }
}

fn open(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // Acknowledged is on disk: a write survives a loss of power, not only of the process.
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
