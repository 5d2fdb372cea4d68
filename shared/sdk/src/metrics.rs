//! `trm:platform/metrics`: business metrics; a fault of one is logged and fails no request.

use crate::bindings::trm::platform::metrics as host;

/// Adds one to a counter, such as `referral.created`.
pub async fn increment(name: &str, labels: &[(&str, &str)]) {
    report(
        name,
        host::increment(name.to_owned(), 1, owned(labels)).await,
    );
}

/// Observes a duration in milliseconds.
pub async fn timing(name: &str, milliseconds: f64, labels: &[(&str, &str)]) {
    report(
        name,
        host::timing(name.to_owned(), milliseconds, owned(labels)).await,
    );
}

/// Sets a gauge.
pub async fn gauge(name: &str, value: f64, labels: &[(&str, &str)]) {
    report(
        name,
        host::gauge(name.to_owned(), value, owned(labels)).await,
    );
}

fn owned(labels: &[(&str, &str)]) -> Vec<(String, String)> {
    labels
        .iter()
        .map(|(label, value)| ((*label).to_owned(), (*value).to_owned()))
        .collect()
}

fn report(name: &str, outcome: Result<(), host::Error>) {
    if let Err(error) = outcome {
        eprintln!("the metric {name} was not recorded: {error:?}");
    }
}
