//! What the kernel knows of this process and of its limits; read when it is scraped, changes nothing.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::fs;

/// Clock ticks of a second, as Linux tells them to every program.
const TICKS: f64 = 100.0;
const PAGE: i64 = 4096;

/// This process, seen as a source of metrics.
#[derive(Debug)]
pub struct ProcessMetrics;

impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        if let Some(stat) = Stat::read() {
            let cpu = ConstCounter::new(stat.cpu_seconds);
            let help = "Processor time used";
            cpu.encode(encoder.encode_descriptor(
                "process_cpu_seconds",
                help,
                None,
                cpu.metric_type(),
            )?)?;
            gauge(
                &mut encoder,
                "process_resident_memory_bytes",
                "Memory held",
                stat.resident,
            )?;
            gauge(
                &mut encoder,
                "process_threads",
                "Threads of the system",
                stat.threads,
            )?;
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            let open = open.count() as i64;
            gauge(&mut encoder, "process_open_fds", "Open descriptors", open)?;
        }
        if let Some(limit) = memory_limit() {
            let help = "Memory that this process may use";
            gauge(&mut encoder, "trm_memory_limit_bytes", help, limit)?;
        }
        let help = "Processors that this process may use";
        gauge(&mut encoder, "trm_cpu_limit_cores", help, cpu_limit())
    }
}

/// Bytes of memory that this process holds.
pub fn resident() -> Option<u64> {
    u64::try_from(Stat::read()?.resident).ok()
}

fn gauge(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    value: impl EncodeGaugeValue,
) -> fmt::Result {
    let gauge = ConstGauge::new(value);
    gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
}

struct Stat {
    cpu_seconds: f64,
    threads: i64,
    resident: i64,
}

impl Stat {
    fn read() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/self/stat").ok()?)
    }

    /// The fields after the program's name, which may itself hold spaces.
    fn parse(stat: &str) -> Option<Self> {
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<i64>().ok();
        Some(Self {
            cpu_seconds: (number(11)? + number(12)?) as f64 / TICKS,
            threads: number(17)?,
            resident: number(21)? * PAGE,
        })
    }
}

/// The container's limit; the machine's memory where it has none.
fn memory_limit() -> Option<i64> {
    let own = fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    own.and_then(|text| text.trim().parse().ok()).or_else(|| {
        let text = fs::read_to_string("/proc/meminfo").ok()?;
        let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
        Some(line.split_whitespace().nth(1)?.parse::<i64>().ok()? << 10)
    })
}

/// The container's quota of processors; the machine's number where it has none.
fn cpu_limit() -> f64 {
    let own = fs::read_to_string("/sys/fs/cgroup/cpu.max").ok();
    let quota = own.and_then(|text| {
        let (quota, period) = text.trim().split_once(' ')?;
        Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?)
    });
    quota.unwrap_or_else(|| std::thread::available_parallelism().map_or(1.0, |n| n.get() as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_read() {
        let stat = Stat::read().unwrap();
        assert!(stat.resident > 1 << 20 && stat.threads >= 1);
        assert!(memory_limit().unwrap() > stat.resident && cpu_limit() > 0.0);
    }

    #[test]
    fn a_name_with_spaces_and_brackets_is_no_trouble() {
        let line = "7 (a b) c) S 1 1 1 0 -1 0 0 0 0 0 250 50 0 0 20 0 9 0 100 4096 3 0";
        let stat = Stat::parse(line).unwrap();
        assert_eq!(
            (stat.cpu_seconds, stat.threads, stat.resident),
            (3.0, 9, 3 * PAGE)
        );
    }
}
