//! Business metrics of functions, under `trm_business_…`: bounded in names and series; knows no guest.

use crate::metrics::Metrics;
use crate::metrics::seconds;
use crate::statsd::Statsd;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;

/// Names that all functions together may make.
const MAX_NAMES: usize = 200;
/// Series of one name.
const MAX_SERIES: usize = 200;
/// Labels of one series.
const MAX_LABELS: usize = 4;
/// Bytes of a name, a label or a value.
const MAX_TEXT: usize = 64;

/// The labels of one series.
pub type Labels = Vec<(String, String)>;

/// All business metrics of one host.
pub struct Business {
    metrics: Arc<Metrics>,
    names: Mutex<HashMap<String, Name>>,
    statsd: Option<Statsd>,
}

struct Name {
    series: HashSet<Labels>,
    metric: Metric,
}

#[derive(Clone)]
enum Metric {
    Counter(Family<Labels, Counter>),
    Timing(Family<Labels, Histogram, fn() -> Histogram>),
    Gauge(Family<Labels, Gauge<f64, AtomicU64>>),
}

impl Business {
    /// None yet; what functions record is exported with the host's own metrics.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            names: Mutex::default(),
            statsd: None,
        }
    }

    /// Sends what is recorded to an agent as well.
    pub fn sent_to(mut self, statsd: Statsd) -> Self {
        let dropped = statsd.dropped();
        self.metrics.register(|registry| {
            registry.register(
                "trm_statsd_dropped",
                "Business metrics that were not sent to the agent",
                dropped,
            );
        });
        self.statsd = Some(statsd);
        self
    }

    /// Adds to a counter. An error says what is wrong with the name or its labels.
    pub fn increment(
        &self,
        function: &str,
        name: &str,
        by: u64,
        labels: Labels,
    ) -> Result<(), String> {
        let make = || Metric::Counter(Family::default());
        let (metric, labels) = self.series(function, name, labels, make)?;
        let Metric::Counter(family) = metric else {
            return Err(other_kind(name));
        };
        family.get_or_create(&labels).inc_by(by);
        if let Some(statsd) = &self.statsd {
            statsd.increment(name, by, &labels);
        }
        Ok(())
    }

    /// Observes a duration in milliseconds, exported in seconds.
    pub fn timing(
        &self,
        function: &str,
        name: &str,
        milliseconds: f64,
        labels: Labels,
    ) -> Result<(), String> {
        if !milliseconds.is_finite() || milliseconds < 0.0 {
            return Err(format!("{name}: {milliseconds} ms is not a duration"));
        }
        let make = || Metric::Timing(Family::new_with_constructor(seconds));
        let (metric, labels) = self.series(function, name, labels, make)?;
        let Metric::Timing(family) = metric else {
            return Err(other_kind(name));
        };
        family
            .get_or_create(&labels)
            .observe(milliseconds / 1_000.0);
        if let Some(statsd) = &self.statsd {
            statsd.timing(name, milliseconds, &labels);
        }
        Ok(())
    }

    /// Sets a gauge.
    pub fn gauge(
        &self,
        function: &str,
        name: &str,
        value: f64,
        labels: Labels,
    ) -> Result<(), String> {
        let make = || Metric::Gauge(Family::default());
        let (metric, labels) = self.series(function, name, labels, make)?;
        let Metric::Gauge(family) = metric else {
            return Err(other_kind(name));
        };
        family.get_or_create(&labels).set(value);
        if let Some(statsd) = &self.statsd {
            statsd.gauge(name, value, &labels);
        }
        Ok(())
    }

    /// The series of a name and labels, made where it is new and within the bounds.
    fn series(
        &self,
        function: &str,
        name: &str,
        mut labels: Labels,
        make: fn() -> Metric,
    ) -> Result<(Metric, Labels), String> {
        check(name, &labels)?;
        labels.push(("function".to_owned(), function.to_owned()));
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if !names.contains_key(name) && names.len() >= MAX_NAMES {
            return Err(format!(
                "{name} is one metric name more than the {MAX_NAMES} allowed"
            ));
        }
        let entry = names.entry(name.to_owned()).or_insert_with(|| {
            let metric = make();
            self.export(name, &metric);
            Name {
                series: HashSet::new(),
                metric,
            }
        });
        if !entry.series.contains(&labels) {
            if entry.series.len() >= MAX_SERIES {
                return Err(format!("{name} has {MAX_SERIES} series already"));
            }
            entry.series.insert(labels.clone());
        }
        Ok((entry.metric.clone(), labels))
    }

    fn export(&self, name: &str, metric: &Metric) {
        let exported = format!("trm_business_{}", name.replace('.', "_"));
        let help = "Recorded by functions";
        self.metrics.register(|registry| match metric {
            Metric::Counter(family) => registry.register(exported, help, family.clone()),
            Metric::Timing(family) => {
                registry.register(format!("{exported}_seconds"), help, family.clone());
            }
            Metric::Gauge(family) => registry.register(exported, help, family.clone()),
        });
    }
}

fn other_kind(name: &str) -> String {
    format!("{name} is a metric of another kind already")
}

fn check(name: &str, labels: &Labels) -> Result<(), String> {
    if name.len() > MAX_TEXT || !name.split('.').all(is_word) {
        return Err(format!(
            "the metric name \"{name}\" is not dotted lower-case words of at most {MAX_TEXT} bytes"
        ));
    }
    if labels.len() > MAX_LABELS {
        return Err(format!("{name} has more than {MAX_LABELS} labels"));
    }
    match labels
        .iter()
        .find(|(label, value)| !is_word(label) || label == "function" || value.len() > MAX_TEXT)
    {
        Some((label, _)) => Err(format!(
            "{name}: the label \"{label}\" or its value is malformed"
        )),
        None => Ok(()),
    }
}

fn is_word(text: &str) -> bool {
    text.len() <= MAX_TEXT
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(value: &str) -> Labels {
        vec![("kind".to_owned(), value.to_owned())]
    }

    #[test]
    fn what_is_recorded_is_exported_with_the_function() {
        let metrics = Arc::new(Metrics::default());
        let business = Business::new(metrics.clone());
        business
            .increment("jobs", "job.created", 2, label("x"))
            .unwrap();
        let text = metrics.text().unwrap();
        let line = "trm_business_job_created_total{kind=\"x\",function=\"jobs\"} 2";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn names_kinds_and_series_are_bounded() {
        let business = Business::new(Arc::default());
        assert!(business.increment("f", "Job Created", 1, vec![]).is_err());
        business.gauge("f", "users", 1.0, vec![]).unwrap();
        assert!(
            business
                .increment("f", "users", 1, vec![])
                .unwrap_err()
                .contains("another kind")
        );
        let refused = (0..MAX_SERIES + 1).find_map(|n| {
            business
                .increment("f", "many", 1, label(&n.to_string()))
                .err()
        });
        assert!(refused.unwrap().contains("series already"));
    }
}
