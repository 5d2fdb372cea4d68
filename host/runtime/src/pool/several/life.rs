//! One instance that works for several requests, from its first to its last; chooses none of them.

use super::super::maker::Made;
use super::super::maker::Term;
use super::inbox::Inbox;
use crate::capabilities::UnderWay;
use crate::guest::GuestState;
use crate::guest::ask_turn;
use crate::handler::DoorOfSeveral;
use crate::handler::HandleOfSeveral;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use wasmtime::AsContextMut;
use wasmtime::Store;
use wasmtime::component::Accessor;

/// An instance. It goes on only while it is polled.
pub(super) struct Life {
    run: Pin<Box<dyn Future<Output = ()> + Send>>,
    pub inbox: Arc<Inbox>,
    under_way: UnderWay,
    term: Term,
}

/// How an instance stands after it was polled.
pub(super) enum Turn {
    /// It has ended, and told those inside.
    Ended,
    /// Nobody is inside.
    Idle,
    /// It works.
    Working,
}

impl Life {
    /// A new one.
    pub fn begin(made: Made, door: DoorOfSeveral) -> Result<Self, wasmtime::Error> {
        let mut store = made.store;
        let handle = door.open(&mut store, &made.instance)?;
        let inbox = Arc::new(Inbox::default());
        let under_way = store.data().under_way().clone();
        Ok(Self {
            run: Box::pin(run(store, handle, inbox.clone())),
            inbox,
            under_way,
            term: made.term,
        })
    }

    /// Lets it go on until it waits.
    pub fn turn(&mut self, cx: &mut Context<'_>) -> Turn {
        if self.run.as_mut().poll(cx).is_ready() {
            return Turn::Ended;
        }
        if self.inbox.is_empty() {
            return Turn::Idle;
        }
        // One that is blocked by a call of the host does not come to look at its door.
        self.inbox.take_looked();
        if self.run.as_mut().poll(cx).is_ready() {
            return Turn::Ended;
        }
        if self.inbox.take_looked() && !self.under_way.any() {
            match self.may_go_on(Instant::now()) {
                true => self.inbox.open(),
                false => self.inbox.close(),
            }
        }
        match self.inbox.is_empty() {
            true => Turn::Idle,
            false => Turn::Working,
        }
    }

    /// Whether others may enter it.
    pub fn may_go_on(&mut self, now: Instant) -> bool {
        self.term.use_up(self.inbox.take_begun(), now) && !self.inbox.is_closed()
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.inbox.send_away();
    }
}

async fn run(mut store: Store<GuestState>, handle: HandleOfSeveral, inbox: Arc<Inbox>) {
    let served = store
        .run_concurrent(async |accessor| serve(accessor, handle, &inbox).await)
        .await;
    let error = match served {
        Ok(Err(error)) | Err(error) => error,
        Ok(Ok(never)) => match never {},
    };
    let state = store.data();
    if let Some(error) = inbox.end(state.current(), error) {
        tracing::error!(function = %state.function(), "instance ended: {error:?}");
    }
}

/// Begins whoever enters, and hands out what is answered.
async fn serve(
    accessor: &Accessor<GuestState>,
    handle: HandleOfSeveral,
    inbox: &Inbox,
) -> wasmtime::Result<Infallible> {
    let mut calls = FuturesUnordered::new();
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(Some((task, answer))) = calls.poll_next_unpin(cx) {
                let (answer,) = match answer {
                    Ok(answer) => answer,
                    Err(error) => return Poll::Ready(Err(error)),
                };
                accessor.with(|mut store| store.data_mut().leave(task));
                inbox.answered(task, answer);
                continue;
            }
            let Some(mut visitor) = inbox.next() else {
                break;
            };
            let message = std::mem::take(&mut visitor.visit.message);
            let record = visitor.visit.record.clone();
            let begun = accessor.with(|mut store| {
                let call = handle.start_call_concurrent(store.as_context_mut(), (message,))?;
                store.data_mut().join(call.task(), record);
                wasmtime::error::Ok(call)
            });
            let call = match begun {
                Ok(call) => call,
                Err(error) => return Poll::Ready(Err(error)),
            };
            let task = call.task();
            inbox.begun(task, visitor);
            calls.push(async move { (task, handle.finish_call_concurrent(accessor, call).await) });
        }
        if !calls.is_empty() {
            accessor.with(|mut store| ask_turn(store.as_context_mut()));
        }
        Poll::Pending
    })
    .await
}
