//! `trm:platform/metrics`: Spin counts nothing of its own for a component, so each is a line of the component's log; sums up nothing.

use crate::Platform;
use crate::bindings::exports::trm::platform::metrics::{Error, Guest};

impl Guest for Platform {
    fn increment(name: String, by: u64, labels: Vec<(String, String)>) -> Result<(), Error> {
        log(&name, "+", by, &labels);
        Ok(())
    }

    fn timing(name: String, milliseconds: f64, labels: Vec<(String, String)>) -> Result<(), Error> {
        log(&name, "ms", milliseconds, &labels);
        Ok(())
    }

    fn gauge(name: String, value: f64, labels: Vec<(String, String)>) -> Result<(), Error> {
        log(&name, "=", value, &labels);
        Ok(())
    }
}

fn log(name: &str, kind: &str, value: impl std::fmt::Display, labels: &[(String, String)]) {
    let labels: String = labels
        .iter()
        .map(|(label, value)| format!(" {label}={value:?}"))
        .collect();
    eprintln!("metric {name} {kind} {value}{labels}");
}
