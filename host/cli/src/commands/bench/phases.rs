//! Durations by phase, told by their percentiles and, for a histogram, one by one; measures nothing itself.

use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};

/// The samples of each phase, in the order in which the phases were first seen.
#[derive(Default)]
pub struct Phases(Vec<(&'static str, Vec<Duration>)>);

impl Phases {
    /// The phase began then and ends now.
    pub fn took(&mut self, phase: &'static str, began: Instant) {
        self.add(phase, began.elapsed());
    }

    /// The phase took so long.
    pub fn add(&mut self, phase: &'static str, took: Duration) {
        match self.0.iter_mut().find(|(name, _)| *name == phase) {
            Some((_, samples)) => samples.push(took),
            None => self.0.push((phase, vec![took])),
        }
    }

    /// Count and percentiles of each, in microseconds.
    pub fn report(&self) -> Value {
        let phases = self.0.iter();
        let phases = phases.map(|(name, samples)| ((*name).to_owned(), told(samples)));
        Value::Object(phases.collect())
    }

    /// Every sample of these phases, in microseconds.
    pub fn samples(&self, phases: &[&str]) -> Value {
        let chosen = self.0.iter().filter(|(name, _)| phases.contains(name));
        let chosen = chosen.map(|(name, samples)| {
            let samples: Vec<f64> = samples.iter().copied().map(micros).collect();
            ((*name).to_owned(), json!(samples))
        });
        Value::Object(chosen.collect::<Map<_, _>>())
    }
}

/// Count and percentiles of some samples, in microseconds; zeros where there are none.
pub fn told(samples: &[Duration]) -> Value {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let last = sorted.len().saturating_sub(1);
    let at = |share: f64| {
        let sample = sorted.get((last as f64 * share).round() as usize);
        micros(sample.copied().unwrap_or_default())
    };
    json!({"samples": sorted.len(), "p50": at(0.5), "p99": at(0.99), "p99.9": at(0.999)})
}

fn micros(duration: Duration) -> f64 {
    (duration.as_nanos() as f64 / 100.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_told_by_its_percentiles_and_one_by_one() {
        let mut phases = Phases::default();
        for micros in (0..=1_000).rev() {
            phases.add("map", Duration::from_micros(micros));
        }
        phases.add("link", Duration::from_nanos(1_260));
        let expected = json!({
            "map": {"samples": 1_001, "p50": 500.0, "p99": 990.0, "p99.9": 999.0},
            "link": {"samples": 1, "p50": 1.3, "p99": 1.3, "p99.9": 1.3},
        });
        assert_eq!(phases.report(), expected);
        assert_eq!(phases.samples(&["link", "none"]), json!({"link": [1.3]}));
    }

    #[test]
    fn no_samples_are_told_as_none() {
        let expected = json!({"samples": 0, "p50": 0.0, "p99": 0.0, "p99.9": 0.0});
        assert_eq!(told(&[]), expected);
    }
}
