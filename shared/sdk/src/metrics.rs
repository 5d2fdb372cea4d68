//! `trm:platform/metrics`: business metrics; a fault of one is logged and fails no request.

use crate::bindings::trm::platform::metrics as host;

/// Adds one to a counter, such as `referral.created`.
pub async fn increment(name: &str, labels: &[(&str, &str)]) {
    report(name, host::increment(name, 1, &owned(labels)));
}

/// Observes a duration in milliseconds.
pub async fn timing(name: &str, milliseconds: f64, labels: &[(&str, &str)]) {
    report(name, host::timing(name, milliseconds, &owned(labels)));
}

/// Sets a gauge.
pub async fn gauge(name: &str, value: f64, labels: &[(&str, &str)]) {
    report(name, host::gauge(name, value, &owned(labels)));
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
