//! What one request asks of the host, kept call by call, and answered in its place where a script says so; grants nothing.

mod parts;
mod readable;
mod script;

pub use parts::Part;
pub use script::Line;
pub use script::Script;

use super::Call;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Instant;

/// Calls of one request that are kept; of all further ones only the number is.
const MAX_CALLS: usize = 1_000;
/// Bytes of arguments and answers that are kept of one request.
const MAX_BYTES: usize = 16 << 20;

/// One call of a guest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// Interface and function: `documents.find-one`.
    pub call: String,
    /// In order. Lists of bytes are `{"$document": …}`, `{"$text": …}` or `{"$base64": …}`.
    pub arguments: Vec<Value>,
    /// None where the request ended before it.
    pub answer: Option<Value>,
    /// Microseconds from the begin of the request to the begin of the call.
    pub at_us: u64,
    /// Microseconds until its answer.
    pub took_us: Option<u64>,
}

/// Follows one request. It travels in the extensions of the request's head.
#[derive(Debug)]
pub struct Witness {
    began: Instant,
    script: Mutex<Script>,
    kept: Mutex<Kept>,
}

/// What was seen, and how many bytes its calls hold.
#[derive(Debug, Default)]
struct Kept {
    seen: Seen,
    bytes: usize,
}

/// Everything that was seen of a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// Its calls, in the order in which they began.
    pub calls: Vec<Told>,
    /// What else took its time.
    #[serde(default)]
    pub parts: Vec<Part>,
    /// Calls that are not among them, since there were too many or they were too large.
    #[serde(default)]
    pub left_out: usize,
    /// The call that a strict script does not hold.
    #[serde(default)]
    pub strayed: Option<String>,
    /// Interfaces that it used and whose calls are not kept.
    #[serde(default)]
    pub unkept: Vec<Cow<'static, str>>,
}

impl Witness {
    /// A witness that answers what the script holds.
    pub fn new(script: Script) -> Self {
        Self {
            began: Instant::now(),
            script: Mutex::new(script),
            kept: Mutex::default(),
        }
    }

    /// What it has seen until now.
    pub fn seen(&self) -> Seen {
        self.kept().seen.clone()
    }

    /// One part of the request that began then and ends now.
    pub fn part(&self, name: &'static str, began: Instant) {
        let part = Part::ended(name, self.began, began);
        self.kept().seen.parts.push(part);
    }

    /// The request uses an interface whose calls are not kept.
    pub(super) fn unkept(&self, interface: &'static str) {
        let unkept = &mut self.kept().seen.unkept;
        if unkept.iter().all(|known| known != interface) {
            unkept.push(interface.into());
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the call is kept, if it is.
    fn begins(&self, call: &str, arguments: &[Value], bytes: usize, at: Instant) -> Option<usize> {
        let mut kept = self.kept();
        kept.bytes += bytes;
        if kept.seen.calls.len() >= MAX_CALLS || kept.bytes > MAX_BYTES {
            kept.seen.left_out += 1;
            return None;
        }
        kept.seen.calls.push(Told {
            call: call.to_owned(),
            arguments: arguments.to_vec(),
            answer: None,
            at_us: at.saturating_duration_since(self.began).as_micros() as u64,
            took_us: None,
        });
        Some(kept.seen.calls.len() - 1)
    }

    fn ends(&self, place: usize, answer: Value, bytes: usize, began: Instant) {
        let mut kept = self.kept();
        kept.bytes += bytes;
        let fits = kept.bytes <= MAX_BYTES;
        kept.seen.left_out += usize::from(!fits);
        if let Some(told) = kept.seen.calls.get_mut(place) {
            told.answer = fits.then_some(answer);
            told.took_us = Some(began.elapsed().as_micros() as u64);
        }
    }

    /// Runs one call, or answers it from the script. What the script should hold and does not traps.
    pub(crate) async fn verb<A, R, W>(
        &self,
        name: &str,
        arguments: A,
        work: impl FnOnce(A) -> W,
    ) -> wasmtime::Result<R>
    where
        A: Serialize,
        R: Serialize + DeserializeOwned,
        W: Future<Output = R>,
    {
        let began = Instant::now();
        let (asked, bytes) = readable::arguments(&arguments)?;
        let place = self.begins(name, &asked, bytes, began);
        let scripted = {
            let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
            script.answer(name, &asked)
        };
        let answer = match scripted {
            script::Answer::Given(answer) => readable::back(answer).map_err(|error| {
                wasmtime::Error::msg(format!("{name} cannot be answered so: {error}"))
            })?,
            // As when it was recorded: the request ends by its deadline.
            script::Answer::Never => std::future::pending().await,
            script::Answer::NotHeld => work(arguments).await,
            script::Answer::Strayed => {
                let fault = format!("{name} {}", Value::Array(asked));
                self.kept().seen.strayed.get_or_insert(fault.clone());
                return Err(wasmtime::Error::msg(format!(
                    "the recording holds no {fault}"
                )));
            }
        };
        if let Some(place) = place {
            let (shown, bytes) = readable::of(&answer)?;
            self.ends(place, shown, bytes, began);
        }
        Ok(answer)
    }
}

impl Call {
    /// Runs one verb of an interface, past the request's witness where it has one.
    pub(super) async fn verb<A, R, W>(
        self,
        name: &'static str,
        arguments: A,
        work: impl FnOnce(Self, A) -> W + Send,
    ) -> wasmtime::Result<R>
    where
        A: Serialize + Send,
        R: Serialize + DeserializeOwned + Send,
        W: Future<Output = R> + Send,
    {
        // Both are boxed: what links the verb copies its future several times.
        let Some(witness) = self.witness.clone() else {
            return Ok(Box::pin(work(self, arguments)).await);
        };
        let told = Box::pin(async move {
            witness
                .verb(name, arguments, |arguments| work(self, arguments))
                .await
        });
        told.await
    }
}
