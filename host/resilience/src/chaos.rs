//! Faults that `trm dev --chaos` asks for: a store that is slow, dead or flapping for chosen functions; none without it.

use anyhow::{Context, bail, ensure};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use trm_telemetry::request;

/// How long a flapping store is well, and then away.
const FLAP: Duration = Duration::from_secs(5);
const USAGE: &str =
    "--chaos redis|mongodb=dead|flapping|slow:<milliseconds>[@<function>,<function>…]";

static FAULTS: OnceLock<Chaos> = OnceLock::new();

/// Which store is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Struck {
    /// L2.
    Redis,
    /// The origin: MongoDB, or SQLite where that stands in for it.
    Origin,
}

/// How a store is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Dead,
    Flapping,
    Slow(Duration),
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    store: Struck,
    way: Way,
    /// None: everyone's calls, the host's own as well.
    functions: Vec<String>,
}

struct Chaos {
    faults: Vec<Fault>,
    began: Instant,
}

impl Fault {
    /// Reads `redis=slow:200@jobs,jobs-by-id`.
    pub fn read(text: &str) -> anyhow::Result<Self> {
        let (store, rest) = text.split_once('=').context(USAGE)?;
        let store = match store {
            "redis" => Struck::Redis,
            "mongodb" => Struck::Origin,
            other => bail!("there is no store \"{other}\": {USAGE}"),
        };
        let (way, functions) = rest.split_once('@').unwrap_or((rest, ""));
        let way = match way.split_once(':').unwrap_or((way, "")) {
            ("dead", "") => Way::Dead,
            ("flapping", "") => Way::Flapping,
            ("slow", ms) => Way::Slow(Duration::from_millis(ms.parse().context(USAGE)?)),
            _ => bail!("a store cannot be \"{way}\": {USAGE}"),
        };
        let functions = functions.split(',').filter(|name| !name.is_empty());
        Ok(Self {
            store,
            way,
            functions: functions.map(str::to_owned).collect(),
        })
    }

    /// The store that it strikes.
    pub fn store(&self) -> Struck {
        self.store
    }

    /// The functions that it strikes; none: all.
    pub fn functions(&self) -> &[String] {
        &self.functions
    }

    fn meets(&self, store: Struck, function: Option<&str>) -> bool {
        let named = |function| self.functions.iter().any(|name| name == function);
        self.store == store && (self.functions.is_empty() || function.is_some_and(named))
    }
}

/// From here on these faults strike. Only once.
pub fn begin(faults: Vec<Fault>) -> anyhow::Result<()> {
    // Whose call it is is known of requests that are followed.
    request::watch();
    let began = Instant::now();
    let begun = FAULTS.set(Chaos { faults, began });
    ensure!(begun.is_ok(), "there is chaos already");
    Ok(())
}

/// Waits where the store is slow, up to the call's deadline; false where it is away. One look at a static where there
/// is no chaos.
pub async fn spares(store: Struck, deadline: Instant) -> bool {
    let Some(chaos) = FAULTS.get() else {
        return true;
    };
    let request = request::current();
    let function = request.as_ref().and_then(|request| request.function());
    let function = function.map(|name| &**name);
    for fault in &chaos.faults {
        if !fault.meets(store, function) {
            continue;
        }
        match fault.way {
            Way::Slow(time) => {
                let over = deadline.min(Instant::now() + time);
                tokio::time::sleep_until(over.into()).await;
            }
            Way::Dead => return false,
            Way::Flapping if is_away(chaos.began.elapsed()) => return false,
            Way::Flapping => {}
        }
    }
    true
}

fn is_away(since: Duration) -> bool {
    since.as_millis() / FLAP.as_millis() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_read_and_meets_its_functions_alone() {
        let slow = Fault::read("redis=slow:200@jobs,users-me").unwrap();
        assert_eq!(slow.way, Way::Slow(Duration::from_millis(200)));
        assert!(slow.meets(Struck::Redis, Some("jobs")));
        assert!(!slow.meets(Struck::Redis, Some("docs")) && !slow.meets(Struck::Redis, None));
        assert!(!slow.meets(Struck::Origin, Some("jobs")));
        let dead = Fault::read("mongodb=dead").unwrap();
        assert!(dead.meets(Struck::Origin, Some("docs")) && dead.meets(Struck::Origin, None));
        for wrong in [
            "redis",
            "disk=dead",
            "redis=sad",
            "redis=slow",
            "redis=dead:1",
        ] {
            assert!(Fault::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_flaps_is_well_first_and_then_away() {
        assert!(!is_away(Duration::from_secs(4)) && is_away(Duration::from_secs(6)));
        assert!(!is_away(Duration::from_secs(11)));
    }
}
