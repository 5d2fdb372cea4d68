//! Functions called in a plain `#[test]`: the component that is served, in a host without sockets; never a copy of either.
//!
//! ```no_run
//! use trm_testing::{Trial, json};
//!
//! #[test]
//! fn a_note_is_read_once() {
//!     let mut trm = Trial::new();
//!     let id = json!({"$oid": "650000000000000000000000"});
//!     trm.insert("notes", [json!({"_id": id, "text": "milk"})]);
//!     let answer = trm.get("/api/notes/650000000000000000000000");
//!     assert_eq!((answer.status, &answer.json()["text"]), (200, &json!("milk")));
//!     assert_eq!(answer.asked("documents.find-one").len(), 1);
//!
//!     trm.fake("documents.find-one", json!({"Err": {"Unavailable": 500}}));
//!     assert_eq!(trm.get("/api/notes/650000000000000000000001").status, 503);
//! }
//! ```
//!
//! The host is the program `trm` (`TRM`, else `target/release/trm` beside the manifest, else the PATH), one process for
//! each [`Trial`], spoken to over its own pipes: a test of a function compiles no host. It keeps documents in an empty
//! SQLite and has no Redis, unless [`Trial::real`] says otherwise. Everything that is wrong with a test itself panics.

#![allow(clippy::panic, reason = "what is wrong with a test fails the test")]

mod answer;
mod process;

pub use answer::{Answer, Call, Request};
pub use serde_json::{Value, json};

use process::Process;
use serde_json::Map;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A host with the functions of one manifest, for one test.
#[derive(Debug)]
pub struct Trial {
    process: Process,
    fakes: Vec<Value>,
}

impl Trial {
    /// The functions of the spin.toml that stands above the test's package, built as they are now.
    pub fn new() -> Self {
        Self::start(&[], &[])
    }

    /// The same, whose guests see this time and no other, in milliseconds since 1970, and chance that repeats.
    pub fn at(milliseconds: u64) -> Self {
        Self::start(&["--at", &milliseconds.to_string()], &[])
    }

    /// The same on a real MongoDB, Redis or both: `MONGODB_URI`, `REDIS_URL`, and any other setting of the host.
    pub fn real(settings: &[(&str, &str)]) -> Self {
        Self::start(&[], settings)
    }

    fn start(arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        Self {
            process: Process::start(&manifest(), arguments, settings),
            fakes: Vec::new(),
        }
    }

    /// Puts documents into a collection, as MongoDB's extended JSON.
    pub fn insert(&mut self, collection: &str, documents: impl IntoIterator<Item = Value>) {
        let documents: Vec<Value> = documents.into_iter().collect();
        self.process
            .tell(&json!({"insert": [collection, documents]}));
    }

    /// The documents of a collection that fit MongoDB's filter.
    pub fn documents(&mut self, collection: &str, filter: Value) -> Vec<Value> {
        let mut said = self.process.tell(&json!({"find": [collection, filter]}));
        match said["documents"].take() {
            Value::Array(documents) => documents,
            other => panic!("these are no documents: {other}"),
        }
    }

    /// Loads the sample data of the marketplace.
    pub fn sample(&mut self) {
        self.process.tell(&json!("sample"));
    }

    /// From here on a call has this answer, and nobody is asked: `{"Ok": …}` or `{"Err": …}` as in the contract,
    /// bytes as `{"$document": …}`, `{"$text": …}` or `{"$base64": …}`.
    pub fn fake(&mut self, call: &str, answer: Value) {
        self.fake_for(call, [], answer);
    }

    /// The same for calls whose first arguments are these. What was said last goes first.
    pub fn fake_for(
        &mut self,
        call: &str,
        arguments: impl IntoIterator<Item = Value>,
        answer: Value,
    ) {
        let arguments: Vec<Value> = arguments.into_iter().collect();
        let line = json!({"call": call, "arguments": arguments, "answer": answer});
        self.fakes.insert(0, line);
        self.process.tell(&json!({"fake": self.fakes}));
    }

    /// From here on a call has no answer before its request's deadline.
    pub fn hang(&mut self, call: &str) {
        self.fakes.insert(0, json!({"call": call, "answer": null}));
        self.process.tell(&json!({"fake": self.fakes}));
    }

    /// From here on the host answers every call itself.
    pub fn unfake(&mut self) {
        self.fakes.clear();
        self.process.tell(&json!({"fake": []}));
    }

    /// Has a request answered, as a client's would be.
    pub fn call(&mut self, request: Request) -> Answer {
        let said = self.process.tell(&json!({"ask": request}));
        Answer::read(said)
    }

    /// `GET` without a body.
    pub fn get(&mut self, path: &str) -> Answer {
        self.call(Request::new("GET", path))
    }

    /// `POST` of JSON.
    pub fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.call(Request::new("POST", path).json(body))
    }
}

impl Default for Trial {
    fn default() -> Self {
        Self::new()
    }
}

/// Runs what `trm record` has kept against the functions as they are now; another answer fails the test and says how.
pub fn replay(recording: impl AsRef<Path>) {
    let recording = package().join(recording);
    let mut command = Command::new(process::program(&manifest()));
    command.arg("replay").arg(&recording);
    command.env("TRM_MANIFEST", manifest());
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => panic!("{command:?} cannot be run: {error}"),
    };
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{}", said.concat());
}

/// `{"Ok": …}` with one document, as a verb of `documents` answers where it found one.
pub fn found(document: Value) -> Value {
    json!({"Ok": bytes(document)})
}

/// One document as an argument or within an answer.
pub fn bytes(document: Value) -> Value {
    Value::Object(Map::from_iter([("$document".to_owned(), document)]))
}

fn package() -> PathBuf {
    match std::env::var_os("CARGO_MANIFEST_DIR") {
        Some(folder) => folder.into(),
        None => std::env::current_dir().unwrap_or_default(),
    }
}

fn manifest() -> PathBuf {
    if let Some(manifest) = std::env::var_os("TRM_MANIFEST") {
        return manifest.into();
    }
    let package = package();
    let found = package.ancestors().map(|folder| folder.join("spin.toml"));
    let mut found = found.filter(|path| path.exists());
    match found.next() {
        Some(manifest) => manifest,
        None => panic!("no spin.toml stands above {}", package.display()),
    }
}
