//! Tests of the page and of what its plots are made from, with figures of no run; measures nothing.

use super::*;
use serde_json::json;

fn told() -> Value {
    let phase = |p50: f64| json!({"samples": 3, "p50": p50, "p99": 15_013.0, "p99.9": 15_013.5});
    json!({
        "unit": "microseconds",
        "command": "trm bench --out results",
        "when": "Mon, 30 Nov 2026 03:14:16 GMT",
        "cores": 2,
        "functions": 39,
        "phases": {
            "open a host": phase(11_583.1),
            "first request, nothing loaded": phase(1_064.5),
            "instantiate": phase(9.3),
        },
        "samples": {
            "first request, nothing loaded": [900.0, 1_064.5, 5_679.7],
            "instantiate": [9.1, 9.3, 14.0],
        },
        "density": {
            "instances": 512,
            "bytes": 89_128_960,
            "bytes_per_instance": 174_080,
            "curve": [[256, 44_564_480], [512, 89_128_960]],
        },
        "load": {
            "route": "/api/jobs",
            "askers": 32,
            "seconds": 2,
            "most": 51_234.0,
            "rates": [
                {"share": 10, "rate": 5_123.4, "failed": 0, "given_up": 0,
                 "latency": {"samples": 10_247, "p50": 14.2, "p99": 120.4, "p99.9": 300.0}},
                {"share": 90, "rate": 46_110.6, "failed": 3, "given_up": 7,
                 "latency": {"samples": 0, "p50": 0.0, "p99": 0.0, "p99.9": 0.0}},
            ],
        },
    })
}

#[test]
fn the_page_names_each_phase_each_file_and_each_target() {
    let told = told();
    let page = page(&told);
    for line in [
        "Command: `trm bench --out results`, on 2 cores, Mon, 30 Nov 2026 03:14:16 GMT; 39 functions.",
        "| open a host | 3 | 11583.1 | 15013.0 | 15013.5 | none |  |",
        "| first request, nothing loaded | 3 | 1064.5 | 15013.0 | 15013.5 | p50 at most 300 | **missed** |",
        "| instantiate | 3 | 9.3 | 15013.0 | 15013.5 | p50 at most 10 | met |",
        "`GET /api/jobs`",
        "reach 51,234/s",
        "| 5,123 | 10 % | 10247 | 14.2 µs | 120 µs | 300 µs | 0 | 0 |",
        "| 46,111 | 90 % | 0 | 0 µs | 0 µs | 0 µs | 3 | 7 |",
        "512 in 85 MiB: 6,168 in a GiB | at least 5,000 | met |",
    ] {
        assert!(page.contains(line), "{line}\nis not in\n{page}");
    }
    for (name, _) in files(&told) {
        assert!(
            name == "RESULTS.md" || page.contains(&format!("]({name})")),
            "{name}"
        );
    }
}

#[test]
fn the_raw_file_is_all_that_was_told() {
    let told = told();
    let (name, raw) = &files(&told)[0];
    assert_eq!(*name, "raw.json");
    assert_eq!(serde_json::from_str::<Value>(raw).unwrap(), told);
}

#[test]
fn each_plot_shows_what_was_measured() {
    let [.., (_, cold), (_, load), (_, memory)] = files(&told());
    assert!(
        cold.contains(">instantiate: p50 9.3 µs, p99 15 ms, 3 samples<"),
        "{cold}"
    );
    assert_eq!(cold.matches("fill-opacity").count(), 2);
    assert!(
        load.contains(">Latency against load: GET /api/jobs<"),
        "{load}"
    );
    // One rate was answered, by two percentiles.
    assert_eq!(load.matches("<circle").count(), 2);
    assert_eq!(memory.matches("<circle").count(), 3);
    assert!(
        memory.contains(">target: at most this, 5,000 in a GiB<"),
        "{memory}"
    );
}

#[test]
fn targets_are_those_of_the_benchmark() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/bench/report.py");
    let text = std::fs::read_to_string(file).unwrap();
    for (name, most) in AIMS {
        assert!(text.contains(&format!("\"{name}\": {most}")), "{name}");
    }
    assert!(text.contains(&format!("_judged(per_gib, {IN_A_GIB})")));
}
