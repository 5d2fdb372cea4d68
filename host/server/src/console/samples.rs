//! Numbers for the console, read from the host's own metrics, so that both always agree; measures nothing.

use super::Listed;
use serde::Serialize;
use std::collections::BTreeMap;

/// What is shown of one function. Counts are since the start; the page makes rates of them.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Function {
    #[serde(flatten)]
    listed: Option<Listed>,
    requests: f64,
    errors: f64,
    /// Answers that took no longer than each edge.
    buckets: Vec<f64>,
    in_flight: f64,
    instances: f64,
    memory: f64,
    traps: f64,
    shed: f64,
}

/// All numbers of one moment.
#[derive(Debug, Default, Serialize)]
pub(super) struct Numbers {
    functions: BTreeMap<String, Function>,
    /// The edges of `buckets`, in seconds.
    edges: Vec<String>,
    hits: BTreeMap<String, f64>,
    misses: BTreeMap<String, f64>,
    breakers: BTreeMap<String, f64>,
    pools: BTreeMap<String, BTreeMap<String, f64>>,
    gauges: BTreeMap<String, f64>,
}

/// One line of the metrics' text.
struct Sample<'t> {
    name: &'t str,
    labels: Vec<(&'t str, &'t str)>,
    value: f64,
}

impl Numbers {
    /// Reads the metrics' text; what is served is shown even where nothing was measured.
    pub(super) fn read(text: &str, listed: &[Listed]) -> Self {
        let mut numbers = Self::default();
        for one in listed {
            let function = numbers.functions.entry(one.name.clone()).or_default();
            function.listed = Some(one.clone());
        }
        for sample in text.lines().filter_map(Sample::read) {
            numbers.add(&sample);
        }
        numbers
    }

    fn add(&mut self, sample: &Sample<'_>) {
        let value = sample.value;
        let add = |map: &mut BTreeMap<String, f64>, label| {
            *map.entry(sample.label(label).to_owned()).or_default() += value;
        };
        match sample.name {
            "trm_cache_hits_total" => return add(&mut self.hits, "tier"),
            "trm_cache_misses_total" => return add(&mut self.misses, "tier"),
            "trm_breaker_state" => return add(&mut self.breakers, "upstream"),
            "trm_pool_connections" => {
                let pool = self.pools.entry(sample.label("upstream").to_owned());
                return add(pool.or_default(), "state");
            }
            "trm_connections"
            | "trm_cache_keys"
            | "trm_cache_bytes"
            | "trm_cache_waiters"
            | "process_resident_memory_bytes" => {
                self.gauges.insert(sample.name.to_owned(), value);
                return;
            }
            _ => {}
        }
        // What was served once and is no more is not shown.
        let Some(function) = self.functions.get_mut(sample.label("function")) else {
            return;
        };
        match sample.name {
            "http_requests_total" => {
                function.requests += value;
                if sample.label("status").starts_with('5') {
                    function.errors += value;
                }
            }
            "http_request_duration_seconds_bucket" => {
                let edge = sample.label("le");
                let index = self.edges.iter().position(|known| known == edge);
                let index = index.unwrap_or_else(|| {
                    self.edges.push(edge.to_owned());
                    self.edges.len() - 1
                });
                if function.buckets.len() <= index {
                    function.buckets.resize(index + 1, 0.0);
                }
                function.buckets[index] += value;
            }
            "trm_requests_in_flight" => function.in_flight = value,
            "trm_instances" => function.instances = value,
            "trm_function_memory_bytes" => function.memory = value,
            "trm_traps_total" => function.traps += value,
            "trm_requests_shed_total" => function.shed += value,
            _ => {}
        }
    }
}

impl<'t> Sample<'t> {
    /// `name{label="value",…} 1.5 # exemplar`. A label's value here holds no quotation mark.
    fn read(line: &'t str) -> Option<Self> {
        if line.starts_with('#') {
            return None;
        }
        let line = line.split(" # ").next()?;
        let (series, value) = line.rsplit_once(' ')?;
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels = labels.strip_suffix('}')?;
        let labels = labels.split("\",").filter_map(|label| {
            let (name, value) = label.split_once("=\"")?;
            Some((name, value.trim_end_matches('"')))
        });
        Some(Self {
            name,
            labels: labels.collect(),
            value: value.parse().ok()?,
        })
    }

    fn label(&self, name: &str) -> &'t str {
        let mut labels = self.labels.iter();
        labels
            .find(|(known, _)| *known == name)
            .map_or("", |(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_a_function_are_summed_and_exemplars_passed_over() {
        let text = "# TYPE http_requests counter\n\
            http_requests_total{function=\"a\",route=\"/a/:id\",method=\"GET\",status=\"200\"} 3\n\
            http_requests_total{function=\"a\",route=\"/a/:id\",method=\"GET\",status=\"502\"} 1\n\
            http_request_duration_seconds_bucket{le=\"0.1\",function=\"a\"} 2 # {trace_id=\"x\"} 0.05\n\
            http_request_duration_seconds_bucket{le=\"+Inf\",function=\"a\"} 4\n\
            trm_cache_hits_total{function=\"a\",tier=\"L1\"} 5\n\
            trm_breaker_state{upstream=\"redis\"} 2\n\
            http_requests_total{function=\"gone\",status=\"200\"} 9\n";
        let listed = ["a", "b"].map(|name| Listed {
            name: name.to_owned(),
            routes: Vec::new(),
            version: String::new(),
            schedule: None,
            start: Default::default(),
        });
        let numbers = Numbers::read(text, &listed);
        let a = &numbers.functions["a"];
        assert_eq!(
            (a.requests, a.errors, &a.buckets[..]),
            (4.0, 1.0, &[2.0, 4.0][..])
        );
        assert_eq!(numbers.edges, ["0.1", "+Inf"]);
        assert_eq!((numbers.hits["L1"], numbers.breakers["redis"]), (5.0, 2.0));
        assert_eq!(numbers.functions.len(), 2);
    }
}
