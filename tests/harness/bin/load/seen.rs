//! What a load has seen, until it is collected.

use anyhow::{Result, ensure};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

/// Beyond so many requests that nobody has collected nothing more is kept, which is an error.
const MOST: usize = 1_000_000;

/// Seconds on the clock that all processes of the machine share and that nobody sets: Python's `time.monotonic()`.
pub fn now() -> f64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// A request: when it began and how many seconds it took; port, method and path; its status, which is 0 where there was no
/// answer, and its kind: `ok`, a status that is not right, or a fault.
pub type One = (f64, f64, u16, String, String, u16, String);

/// Something that an answer said: when its request began and ended, its path, and the word.
pub type Heard = (f64, f64, String, Option<String>);

/// All of them.
#[derive(Default)]
pub struct Seen {
    requests: Vec<One>,
    heard: Vec<Heard>,
    acknowledged: Vec<String>,
    lost: usize,
}

impl Seen {
    pub fn request(&mut self, one: One) {
        if self.requests.len() < MOST {
            self.requests.push(one);
        } else {
            self.lost += 1;
        }
    }

    pub fn hear(&mut self, heard: Heard) {
        if self.heard.len() < MOST {
            self.heard.push(heard);
        } else {
            self.lost += 1;
        }
    }

    /// Keeps the id of what was created.
    pub fn acknowledge(&mut self, body: &[u8]) {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        // What has no id is kept by a name that no store knows, and so it is missed.
        let id = body["id"].as_str().unwrap_or("an answer without an id");
        if self.acknowledged.len() < MOST {
            self.acknowledged.push(id.to_owned());
        } else {
            self.lost += 1;
        }
    }

    /// The id that was acknowledged last, which is not collected then.
    pub fn take(&mut self) -> Option<String> {
        self.acknowledged.pop()
    }

    /// All that was seen since this was last called.
    pub fn collect(&mut self) -> Result<Value> {
        let own = std::mem::take(self);
        ensure!(
            own.lost == 0,
            "{} were not kept: collect more often",
            own.lost
        );
        Ok(json!({"seen": own.requests, "heard": own.heard, "acknowledged": own.acknowledged}))
    }
}
