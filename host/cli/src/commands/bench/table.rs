//! What was measured as lines for a person; measures nothing.

use serde_json::Value;
use std::fmt::Write;

/// A line for each phase, one for the memory of instances, and one for each rate.
pub fn table(told: &Value) -> String {
    let phases = told["phases"].as_object().into_iter().flatten();
    let wide = phases.clone().map(|(name, _)| name.chars().count()).max();
    let wide = wide.unwrap_or_default();
    let mut out = format!(
        "{} functions, times in microseconds\n\n{:wide$}   samples        p50        p99      p99.9\n",
        told["functions"], ""
    );
    for (name, one) in phases {
        let at = |name: &str| one[name].as_f64().unwrap_or_default();
        // Writing to a text does not fail.
        _ = writeln!(
            out,
            "{name:wide$} {:>9} {:>10.1} {:>10.1} {:>10.1}",
            one["samples"].as_u64().unwrap_or_default(),
            at("p50"),
            at("p99"),
            at("p99.9")
        );
    }
    let density = &told["density"];
    let number = |name: &str| density[name].as_u64().unwrap_or_default();
    _ = writeln!(
        out,
        "\n{} instances, each after one request, hold {} MiB: {} KiB each, {} in a GiB",
        number("instances"),
        number("bytes") >> 20,
        number("bytes_per_instance") >> 10,
        (1_u64 << 30) / number("bytes_per_instance").max(1)
    );
    let load = &told["load"];
    let number = |value: &Value| value.as_f64().unwrap_or_default();
    _ = writeln!(
        out,
        "\nGET {} in this process, {:.0}/s at the most",
        load["route"].as_str().unwrap_or_default(),
        number(&load["most"])
    );
    for one in load["rates"].as_array().into_iter().flatten() {
        let latency = &one["latency"];
        _ = writeln!(
            out,
            "at {:>9.0}/s: p50 {:>10.1}, p99 {:>10.1}",
            number(&one["rate"]),
            number(&latency["p50"]),
            number(&latency["p99"])
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_phase_and_each_rate_has_its_line() {
        let told = json!({
            "functions": 2,
            "phases": {
                "open a host": {"samples": 20, "p50": 11583.12, "p99": 15013.0, "p99.9": 15013.0},
                "map": {"samples": 10000, "p50": 9.0, "p99": 26.8, "p99.9": 95.1},
            },
            "density": {"instances": 1024, "bytes": 268435456, "bytes_per_instance": 262144},
            "load": {
                "route": "/api/jobs",
                "most": 51_234.4,
                "rates": [{"rate": 5_123.6, "latency": {"p50": 14.2, "p99": 120.0}}],
            },
        });
        let expected = "\
2 functions, times in microseconds

              samples        p50        p99      p99.9
open a host        20    11583.1    15013.0    15013.0
map             10000        9.0       26.8       95.1

1024 instances, each after one request, hold 256 MiB: 256 KiB each, 4096 in a GiB

GET /api/jobs in this process, 51234/s at the most
at      5124/s: p50       14.2, p99      120.0
";
        assert_eq!(table(&told), expected);
    }
}
