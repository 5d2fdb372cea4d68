//! L1 beside moka and quick_cache on the same Zipf traces, taking turns: reads and fills a second, and hit rate; asserts nothing.

use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant};
use trm_cache::barriers::Barriers;
use trm_cache::l1::{Entry, L1, Limits};

const KEYS: usize = 1_000_000;
const KEPT: usize = 10_000;
const STEPS: usize = 1_000_000;
const ROUNDS: usize = 3;
const TTL: Duration = Duration::from_secs(3_600);

/// A cache under measurement: reads a key, and keeps a value where it was not there.
trait Measured: Send + Sync {
    fn read(&self, key: &str) -> bool;
    fn keep(&self, key: &str, value: &Bytes);
}

struct Own(L1, Barriers);

impl Measured for Own {
    fn read(&self, key: &str) -> bool {
        self.0.get(key, &self.1).is_some()
    }

    fn keep(&self, key: &str, value: &Bytes) {
        let entry = Entry {
            value: value.clone(),
            tags: Arc::default(),
            stamp: self.1.fill_stamp(),
            owner: 0,
        };
        self.0.insert(key, entry, TTL, self.0.epoch());
    }
}

struct Moka(moka::sync::Cache<Arc<str>, Bytes>);

impl Measured for Moka {
    fn read(&self, key: &str) -> bool {
        self.0.get(key).is_some()
    }

    fn keep(&self, key: &str, value: &Bytes) {
        self.0.insert(key.into(), value.clone());
    }
}

struct Quick(quick_cache::sync::Cache<Arc<str>, Bytes>);

impl Measured for Quick {
    fn read(&self, key: &str) -> bool {
        self.0.get(key).is_some()
    }

    fn keep(&self, key: &str, value: &Bytes) {
        self.0.insert(key.into(), value.clone());
    }
}

fn made(name: &str) -> Arc<dyn Measured> {
    match name {
        "L1" => Arc::new(Own(
            L1::new(Limits {
                keys: KEPT,
                bytes: 1 << 30,
                entry: 1 << 20,
                share: 50,
            }),
            Barriers::new(1_000),
        )),
        "moka" => Arc::new(Moka(
            moka::sync::Cache::builder()
                .max_capacity(KEPT as u64)
                .time_to_live(TTL)
                .build(),
        )),
        _ => Arc::new(Quick(quick_cache::sync::Cache::new(KEPT))),
    }
}

/// Which keys are asked for, one after the other: the n-th most wanted as often as n to the minus `skew`.
fn trace(skew: f64, mut seed: u64) -> Vec<usize> {
    let mut sum = 0.0;
    let sums: Vec<f64> = (1..=KEYS)
        .map(|rank| {
            sum += (rank as f64).powf(-skew);
            sum
        })
        .collect();
    (0..STEPS)
        .map(|_| {
            // xorshift64*
            seed ^= seed >> 12;
            seed ^= seed << 25;
            seed ^= seed >> 27;
            let drawn = seed.wrapping_mul(2_685_821_657_736_338_717) >> 11;
            let at = drawn as f64 / (1_u64 << 53) as f64 * sum;
            sums.partition_point(|sum| *sum < at).min(KEYS - 1)
        })
        .collect()
}

/// Runs one trace for each thread; steps a second and the share of hits.
fn run(
    cache: &Arc<dyn Measured>,
    names: &Arc<Vec<String>>,
    traces: &[Arc<Vec<usize>>],
) -> (f64, f64) {
    let value = Bytes::from(vec![7; 512]);
    let began = Instant::now();
    let threads: Vec<_> = traces
        .iter()
        .map(|trace| {
            let (cache, names) = (cache.clone(), names.clone());
            let (trace, value) = (trace.clone(), value.clone());
            std::thread::spawn(move || {
                let mut hits = 0;
                for at in trace.iter() {
                    match cache.read(&names[*at]) {
                        true => hits += 1,
                        false => cache.keep(&names[*at], &value),
                    }
                }
                hits
            })
        })
        .collect();
    let hits: usize = threads
        .into_iter()
        .map(|thread| thread.join().expect("a thread of the bench panicked"))
        .sum();
    let steps = (traces.len() * STEPS) as f64;
    (steps / began.elapsed().as_secs_f64(), hits as f64 / steps)
}

fn main() {
    let names: Arc<Vec<String>> = Arc::new((0..KEYS).map(|n| format!("jobs:item:{n}")).collect());
    println!("| skew | threads | cache | steps/s | to L1 | hits |");
    println!("|---|---|---|---|---|---|");
    for skew in [0.8, 1.0, 1.2] {
        let traces = [trace(skew, 1), trace(skew, 2)].map(Arc::new);
        for threads in [1, 2] {
            let mut speeds = [("L1", vec![]), ("moka", vec![]), ("quick_cache", vec![])];
            let mut hits = [0.0; 3];
            for _ in 0..ROUNDS {
                for (at, (name, speeds)) in speeds.iter_mut().enumerate() {
                    let (speed, hit) = run(&made(name), &names, &traces[..threads]);
                    speeds.push(speed);
                    hits[at] = hit;
                }
            }
            let medians = speeds.map(|(name, mut speeds)| {
                speeds.sort_by(f64::total_cmp);
                (name, speeds[ROUNDS / 2])
            });
            for (at, (name, speed)) in medians.iter().enumerate() {
                let ratio = speed / medians[0].1;
                let hit = hits[at] * 100.0;
                println!("| {skew} | {threads} | {name} | {speed:.0} | {ratio:.2} | {hit:.1} % |");
            }
        }
    }
}
