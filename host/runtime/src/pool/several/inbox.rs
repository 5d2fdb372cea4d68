//! Who stands at the door of an instance that works for several requests, and who is inside; runs no guest.

use super::super::flight::Flight;
use super::super::standard::GRACE;
use super::super::standard::MAX_SHARED;
use crate::account::Held;
use crate::guest::RequestRecord;
use futures::task::AtomicWaker;
use std::collections::VecDeque;
use std::mem::take;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Instant;
use tokio::sync::oneshot;
use wasmtime::component::GuestTaskId;

/// One request on its way.
pub(super) struct Visit {
    pub record: Arc<RequestRecord>,
    pub message: Vec<u8>,
    /// What it takes while it is under way: it ends with the guest's task, whether its client waits or not.
    pub _flight: Flight,
    pub _asked: Held,
}

/// How a visit ended.
pub(super) enum Outcome {
    Answered(Vec<u8>),
    Failed(wasmtime::Error),
    /// The instance has ended before it began.
    NotBegun(Visit),
}

/// A visit, and who waits for its outcome.
pub(super) struct Visitor {
    pub visit: Visit,
    pub outcome: oneshot::Sender<Outcome>,
}

/// The door of one instance.
#[derive(Default)]
pub(super) struct Inbox {
    state: Mutex<State>,
    /// Who drives the instance.
    pub driver: AtomicWaker,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Visitor>,
    inside: Vec<(GuestTaskId, Visitor)>,
    /// How many have begun since that was asked.
    begun: usize,
    /// The guest was at rest when it was last looked at.
    open: bool,
    /// Nobody may enter any more.
    closed: bool,
    /// The instance has looked at its door.
    looked: bool,
}

impl Inbox {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters an instance that has nobody inside.
    pub fn enter(&self, visitor: Visitor) {
        self.state().waiting.push_back(visitor);
    }

    /// Enters an instance that works for others, where it is open and has a place.
    pub fn join(&self, visitor: Visitor) -> Result<(), Visitor> {
        let mut state = self.state();
        if !state.open || state.waiting.len() + state.inside.len() >= MAX_SHARED {
            return Err(visitor);
        }
        state.waiting.push_back(visitor);
        drop(state);
        self.driver.wake();
        Ok(())
    }

    /// The next one to begin.
    pub fn next(&self) -> Option<Visitor> {
        let mut state = self.state();
        state.looked = true;
        // One whose client has gone is not begun.
        let next = loop {
            let next = state.waiting.pop_front()?;
            if !next.outcome.is_closed() {
                break next;
            }
        };
        // Until the guest is at rest again it may be computing.
        state.open = false;
        state.begun += 1;
        Some(next)
    }

    /// This task works for it.
    pub fn begun(&self, task: GuestTaskId, visitor: Visitor) {
        self.state().inside.push((task, visitor));
    }

    /// This task has answered.
    pub fn answered(&self, task: GuestTaskId, answer: Vec<u8>) {
        let mut state = self.state();
        let place = state.inside.iter().position(|(other, _)| *other == task);
        let visitor = place.map(|place| state.inside.remove(place).1);
        drop(state);
        if let Some(visitor) = visitor {
            // Whoever does not wait any more has its answer already.
            drop(visitor.outcome.send(Outcome::Answered(answer)));
        }
    }

    /// Whether nobody is here; then nobody joins either.
    pub fn is_empty(&self) -> bool {
        let mut state = self.state();
        let empty = state.waiting.is_empty() && state.inside.is_empty();
        if empty {
            state.open = false;
        }
        empty
    }

    /// How many have begun since this was asked.
    pub fn take_begun(&self) -> usize {
        take(&mut self.state().begun)
    }

    /// Whether the instance has looked at its door since this was asked.
    pub fn take_looked(&self) -> bool {
        take(&mut self.state().looked)
    }

    /// Others may join from here on.
    pub fn open(&self) {
        let mut state = self.state();
        state.open = !state.closed;
    }

    /// Nobody joins any more; those inside may end.
    pub fn close(&self) {
        let mut state = self.state();
        (state.open, state.closed) = (false, true);
    }

    /// Whether it is closed for good.
    pub fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// When to look at the clock again; never where all inside are late. Once one of them is, nobody joins.
    pub fn watch(&self, now: Instant) -> Option<Instant> {
        let mut state = self.state();
        let inside = state.inside.iter().map(|(_, visitor)| visitor);
        let ends = inside.chain(&state.waiting);
        let ends = ends.map(|visitor| visitor.visit.record.deadline + GRACE);
        let (first, last) = (ends.clone().min()?, ends.max()?);
        if now >= first {
            (state.open, state.closed) = (false, true);
        }
        match state.closed {
            false => Some(first),
            true => (now < last).then_some(last),
        }
    }

    /// The instance has ended. Whose turn it was has the error itself, the others are told of it; whoever has not begun
    /// may begin elsewhere. Whether somebody has the error.
    pub fn end(
        &self,
        turn: &Arc<RequestRecord>,
        error: wasmtime::Error,
    ) -> Option<wasmtime::Error> {
        self.close();
        let inside = take(&mut self.state().inside);
        let mut error = Some(error);
        for (_, visitor) in inside {
            let own = Arc::ptr_eq(&visitor.visit.record, turn);
            let error = own.then(|| error.take()).flatten();
            let error = error.unwrap_or_else(|| {
                wasmtime::Error::msg("its instance has ended by the fault of another request")
            });
            drop(visitor.outcome.send(Outcome::Failed(error)));
        }
        self.send_away();
        error
    }

    /// Whoever has not begun may begin elsewhere.
    pub fn send_away(&self) {
        self.close();
        let waiting = take(&mut self.state().waiting);
        for Visitor { visit, outcome } in waiting {
            drop(outcome.send(Outcome::NotBegun(visit)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Taken;
    use std::time::Duration;
    use tokio::sync::Semaphore;
    use trm_telemetry::metrics::{FunctionLabels, Metrics};

    fn visitor(deadline: Instant) -> (Visitor, oneshot::Receiver<Outcome>) {
        let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let function = "jobs".into();
        let taken = Taken::of(&Metrics::default(), &FunctionLabels { function });
        let visit = Visit {
            record: Arc::new(RequestRecord::new(deadline)),
            message: Vec::new(),
            _flight: Flight::begin(permit, &Default::default()),
            _asked: taken.hold(0),
        };
        let (outcome, told) = oneshot::channel();
        (Visitor { visit, outcome }, told)
    }

    /// One for whom somebody waits as long as the test runs.
    fn at(seconds: u64) -> (Instant, Visitor) {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        let (visitor, told) = visitor(deadline);
        std::mem::forget(told);
        (deadline, visitor)
    }

    #[test]
    fn one_joins_an_instance_at_rest_that_has_a_place() {
        let inbox = Inbox::default();
        assert!(
            inbox.join(at(1).1).is_err(),
            "it is not known to be at rest"
        );
        inbox.open();
        for _ in 0..MAX_SHARED {
            assert!(inbox.join(at(1).1).is_ok());
        }
        assert!(inbox.join(at(1).1).is_err());
        assert!(inbox.next().is_some());
        assert!(inbox.join(at(1).1).is_err(), "it computes for who came");
        assert_eq!((inbox.take_begun(), inbox.take_begun()), (1, 0));
        inbox.open();
        assert!(inbox.join(at(1).1).is_ok());
        inbox.close();
        inbox.open();
        assert!(inbox.join(at(1).1).is_err(), "what is closed stays so");
    }

    #[test]
    fn where_nobody_is_nobody_joins() {
        let inbox = Inbox::default();
        inbox.open();
        assert!(inbox.is_empty());
        assert!(inbox.join(at(1).1).is_err());
        inbox.enter(at(1).1);
        assert!(!inbox.is_empty() && !inbox.take_looked());
        assert!(inbox.next().is_some() && inbox.next().is_none());
        assert!(inbox.is_empty() && inbox.take_looked() && !inbox.take_looked());
    }

    #[test]
    fn whose_client_has_gone_is_not_begun() {
        let inbox = Inbox::default();
        let (gone, told) = visitor(Instant::now());
        drop(told);
        inbox.enter(gone);
        assert!(inbox.next().is_none() && inbox.take_begun() == 0 && inbox.is_empty());
    }

    #[test]
    fn the_first_late_one_closes_it_and_the_last_one_ends_it() {
        let inbox = Inbox::default();
        let ((first, early), (last, late)) = (at(1), at(2));
        inbox.enter(late);
        inbox.enter(early);
        inbox.open();
        assert_eq!(inbox.watch(first), Some(first + GRACE));
        assert!(!inbox.is_closed());
        assert_eq!(inbox.watch(first + GRACE), Some(last + GRACE));
        assert!(inbox.is_closed() && inbox.join(at(3).1).is_err());
        assert_eq!(inbox.watch(last + GRACE), None);
    }

    #[test]
    fn whoever_has_not_begun_may_begin_elsewhere() {
        let inbox = Inbox::default();
        let (visitor, mut told) = visitor(Instant::now());
        let record = visitor.visit.record.clone();
        inbox.enter(visitor);
        let error = inbox.end(&record, wasmtime::Error::msg("a trap"));
        assert!(error.is_some(), "nobody inside had its turn");
        let Ok(Outcome::NotBegun(visit)) = told.try_recv() else {
            unreachable!("it is told something else");
        };
        assert!(Arc::ptr_eq(&visit.record, &record) && inbox.is_empty());
    }
}
