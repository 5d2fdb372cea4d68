//! Instances that work for several requests at one time: which of them a request enters; decides no status.

mod inbox;
mod life;

use self::inbox::Inbox;
use self::inbox::Outcome;
use self::inbox::Visit;
use self::inbox::Visitor;
use self::life::Life;
use self::life::Turn;
use super::Failure;
use super::flight::Flight;
use super::idle::Idle;
use super::maker::Maker;
use crate::guest::RequestRecord;
use crate::handler::DoorOfSeveral;
use crate::handler::Incoming;
use crate::handler::message;
use http::Response;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::task::Poll;
use std::time::Instant;
use tokio::sync::oneshot;
use wasmtime_wasi_http::WasiBody;

/// A function's instances.
pub(super) struct Several {
    maker: Maker,
    door: DoorOfSeveral,
    idle: Arc<Idle<Life>>,
    /// Those that work for somebody who waits.
    working: Mutex<Vec<Arc<Inbox>>>,
}

impl Several {
    /// Makes the first instance, so that one which cannot be made is known before it is needed.
    pub async fn begin(maker: Maker, door: DoorOfSeveral) -> Result<Arc<Self>, wasmtime::Error> {
        let first = Life::begin(maker.make().await?, door)?;
        let idle = Idle::begin(&maker);
        idle.push(first, Instant::now());
        Ok(Arc::new(Self {
            maker,
            door,
            idle,
            working: Mutex::default(),
        }))
    }

    /// Runs one request in one instance, which goes on with it where this is dropped.
    pub async fn run(
        self: &Arc<Self>,
        record: Arc<RequestRecord>,
        incoming: Incoming,
        flight: Flight,
    ) -> Result<Response<WasiBody>, Failure> {
        let taken = &self.maker.series.taken;
        let method = incoming.head.method.clone();
        let mut visit = Visit {
            record,
            message: message::write(&incoming),
            _flight: flight,
            _asked: taken.hold(incoming.body.len()),
        };
        let answer = loop {
            let (outcome, told) = oneshot::channel();
            self.enter(Visitor { visit, outcome }).await?;
            match told.await {
                Ok(Outcome::Answered(answer)) => break answer,
                Ok(Outcome::Failed(error)) => return Err(Failure::Guest(error)),
                Ok(Outcome::NotBegun(again)) => visit = again,
                Err(_) => {
                    let error = wasmtime::Error::msg("its instance has ended");
                    return Err(Failure::Guest(error));
                }
            }
        };
        message::read(answer, &method, taken)
            .map_err(|fault| Failure::Guest(wasmtime::Error::msg(fault)))
    }

    /// Most requests are answered before they wait for anything: such a one runs where it is, in the task of its
    /// connection. An instance whose requests wait goes on in a task of its own.
    async fn enter(self: &Arc<Self>, visitor: Visitor) -> Result<(), Failure> {
        let life = match self.idle.pop() {
            Some(life) => life,
            None => {
                let Some(visitor) = self.join(visitor) else {
                    return Ok(());
                };
                return Box::pin(self.enter_new(visitor)).await;
            }
        };
        life.inbox.enter(visitor);
        self.go_on(life).await;
        Ok(())
    }

    async fn enter_new(self: &Arc<Self>, visitor: Visitor) -> Result<(), Failure> {
        let made = self.maker.make().await;
        let life = made.and_then(|made| Life::begin(made, self.door));
        let life = life.map_err(|error| Failure::instantiation(&error))?;
        life.inbox.enter(visitor);
        self.go_on(life).await;
        Ok(())
    }

    fn join(&self, mut visitor: Visitor) -> Option<Visitor> {
        for inbox in self.working().iter() {
            match inbox.join(visitor) {
                Ok(()) => return None,
                Err(refused) => visitor = refused,
            }
        }
        Some(visitor)
    }

    async fn go_on(self: &Arc<Self>, mut life: Life) {
        match poll_fn(|cx| Poll::Ready(life.turn(cx))).await {
            Turn::Ended => {}
            Turn::Idle => self.give_back(life),
            Turn::Working => {
                self.working().push(life.inbox.clone());
                tokio::spawn(drive(self.clone(), life));
            }
        }
    }

    fn give_back(&self, mut life: Life) {
        let now = Instant::now();
        if life.may_go_on(now) {
            self.idle.push(life, now);
        }
    }

    fn working(&self) -> MutexGuard<'_, Vec<Arc<Inbox>>> {
        self.working.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets an instance go on until nobody is inside, or all inside are late.
async fn drive(several: Arc<Several>, mut life: Life) {
    let mut clock = pin!(tokio::time::sleep_until(Instant::now().into()));
    let turn = poll_fn(|cx| {
        life.inbox.driver.register(cx.waker());
        let turn = life.turn(cx);
        let Turn::Working = turn else {
            return Poll::Ready(Some(turn));
        };
        loop {
            let Some(next) = life.inbox.watch(Instant::now()) else {
                return Poll::Ready(None);
            };
            if clock.deadline() != next.into() {
                clock.as_mut().reset(next.into());
            }
            if clock.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    });
    let turn = turn.await;
    several
        .working()
        .retain(|inbox| !Arc::ptr_eq(inbox, &life.inbox));
    match turn {
        Some(Turn::Idle) => several.give_back(life),
        Some(_) => {}
        None => {
            let function = &several.maker.labels.function;
            tracing::error!(%function, "instance ended: guest timed out");
        }
    }
}
