//! Business metrics sent on to a StatsD or DataDog agent as `trm.…`; bounded, never waited for.

use cadence::prelude::{Counted, Gauged, Timed};
use cadence::{MetricBuilder, MetricError, QueuingMetricSink, StatsdClient, UdpMetricSink};
use prometheus_client::metrics::counter::Counter;
use std::net::UdpSocket;
use std::time::Duration;

/// What waits to be sent at most; more is dropped and counted.
const QUEUE: usize = 10_000;
/// How often the agent's address is looked up again.
const RESOLVE: Duration = Duration::from_secs(60);

/// An agent.
#[derive(Debug)]
pub struct Statsd {
    client: StatsdClient,
    dropped: Counter,
}

impl Statsd {
    /// The agent at an address. It need not be there: UDP is not answered.
    pub fn open(host: String, port: u16) -> anyhow::Result<Self> {
        let socket = UdpSocket::bind(("0.0.0.0", 0))?;
        socket.set_nonblocking(true)?;
        let udp = UdpMetricSink::builder()
            .with_resolver_period(RESOLVE)
            .build((host, port), socket)?;
        let dropped = Counter::default();
        let count = dropped.clone();
        let queue = QueuingMetricSink::builder()
            .with_capacity(QUEUE)
            .with_error_handler(move |_| {
                count.inc();
            })
            .build(udp);
        let count = dropped.clone();
        let client = StatsdClient::builder("trm", queue)
            .with_error_handler(move |_: MetricError| {
                count.inc();
            })
            .build();
        Ok(Self { client, dropped })
    }

    /// What was not sent since the start.
    pub fn dropped(&self) -> Counter {
        self.dropped.clone()
    }

    /// Adds to a counter.
    pub fn increment(&self, name: &str, by: u64, labels: &[(String, String)]) {
        let labels = plain(labels);
        send(self.client.count_with_tags(name, by), &labels);
    }

    /// A duration in milliseconds.
    pub fn timing(&self, name: &str, milliseconds: f64, labels: &[(String, String)]) {
        let whole = milliseconds.round() as u64;
        let labels = plain(labels);
        send(self.client.time_with_tags(name, whole), &labels);
    }

    /// Sets a gauge.
    pub fn gauge(&self, name: &str, value: f64, labels: &[(String, String)]) {
        let labels = plain(labels);
        send(self.client.gauge_with_tags(name, value), &labels);
    }
}

fn send<'m, T: cadence::Metric + From<String>>(
    metric: MetricBuilder<'m, '_, T>,
    labels: &'m [(String, String)],
) {
    let tagged = labels.iter().fold(metric, |metric, (label, value)| {
        metric.with_tag(label, value)
    });
    tagged.send();
}

/// Labels without the characters that the protocol itself uses.
fn plain(labels: &[(String, String)]) -> Vec<(String, String)> {
    let own = |c: char| matches!(c, '|' | ',' | ':' | '#' | '@') || c.is_control();
    labels
        .iter()
        .map(|(label, value)| (label.clone(), value.replace(own, "_")))
        .collect()
}
