//! Callers join one key, land a value, fail, give up or overtake, in many thousand interleavings: one leads at a time, nobody is forgotten, nothing is left behind.

use bytes::Bytes;
use shuttle::future;
use shuttle::sync::Arc;
use shuttle::sync::atomic::AtomicUsize;
use shuttle::sync::atomic::Ordering::SeqCst;
use trm_cache::flight::{Flights, Handoff, Joined};

/// Every turn is overdue for who overtakes.
const AT_ONCE: std::time::Duration = std::time::Duration::ZERO;
const CALLERS: usize = 4;
const INTERLEAVINGS: usize = 20_000;

/// One caller: an even one lands what it computes, an odd one fails; the second gives up waiting.
async fn call(number: usize, flights: Flights, leading: Arc<AtomicUsize>) {
    let turn = match flights.join("k") {
        Joined::Leads(turn) => turn,
        Joined::Waits(waiter) if number == 1 => {
            future::yield_now().await;
            return drop(waiter);
        }
        Joined::Waits(waiter) => match waiter.wait().await.expect("a waiter was forgotten") {
            Handoff::Value(value) => return assert_eq!(value, "v"),
            Handoff::Turn(turn) => turn,
        },
        Joined::Saturated => unreachable!("far from the bound"),
    };
    assert_eq!(leading.fetch_add(1, SeqCst), 0, "two lead at once");
    future::yield_now().await;
    leading.fetch_sub(1, SeqCst);
    if number % 2 == 0 {
        turn.land(&Bytes::from_static(b"v"));
    }
}

/// Runs every caller to its end, after which nobody waits and nothing is under way.
fn run<C: Future<Output = ()> + Send + 'static>(flights: &Flights, call: impl Fn(usize) -> C) {
    let callers: Vec<_> = (0..CALLERS)
        .map(|number| future::spawn(call(number)))
        .collect();
    future::block_on(async {
        for caller in callers {
            caller.await.expect("a caller panicked");
        }
    });
    assert_eq!(flights.waiting(), 0);
    assert!(
        matches!(flights.join("k"), Joined::Leads(_)),
        "a flight was left behind"
    );
}

fn model() {
    let (flights, leading) = (Flights::default(), Arc::new(AtomicUsize::new(0)));
    run(&flights, |number| {
        call(number, flights.clone(), leading.clone())
    });
}

/// One caller of a key whose turns are overtaken by whoever does not get it: several may lead.
async fn overtaking(number: usize, flights: Flights) {
    let turn = match flights.join("k") {
        Joined::Leads(turn) => turn,
        Joined::Waits(waiter) if number % 2 == 1 => match flights.overtake("k", AT_ONCE) {
            Some(turn) => turn,
            None => return drop(waiter),
        },
        Joined::Waits(waiter) => match waiter.wait().await.expect("a waiter was forgotten") {
            Handoff::Value(value) => return assert_eq!(value, "v"),
            Handoff::Turn(turn) => turn,
        },
        Joined::Saturated => unreachable!("far from the bound"),
    };
    future::yield_now().await;
    if number < 2 {
        turn.land(&Bytes::from_static(b"v"));
    }
}

fn overtaken() {
    let flights = Flights::default();
    run(&flights, |number| overtaking(number, flights.clone()));
}

fn main() {
    shuttle::check_random(model, INTERLEAVINGS);
    shuttle::check_pct(model, INTERLEAVINGS, 3);
    shuttle::check_random(overtaken, INTERLEAVINGS);
    shuttle::check_pct(overtaken, INTERLEAVINGS, 3);
    println!(
        "{} interleavings of the single flight hold",
        4 * INTERLEAVINGS
    );
}
