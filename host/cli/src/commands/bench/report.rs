//! What was measured as files for a person: a page, the plots that it shows, and all of it as JSON; measures and writes nothing.

use super::MADE;
use super::axis::Axis;
use super::axis::number;
use super::axis::time;
use super::hosts;
use super::plots;
use super::plots::Series;
use super::plots::Side;
use serde_json::Value;
use std::fmt::Write;

/// The most that a phase's median may be in microseconds, and the fewest instances of a GiB: what tests/bench aims at.
const AIMS: [(&str, f64); 3] = [(MADE, 10.0), (hosts::LOADED, 300.0), (hosts::COLD, 300.0)];
const IN_A_GIB: f64 = 5_000.0;
const GIB: f64 = (1_u64 << 30) as f64;
const MIB: f64 = (1_u64 << 20) as f64;

/// The files by their names.
pub fn files(told: &Value) -> [(&'static str, String); 5] {
    [
        ("raw.json", format!("{told}\n")),
        ("RESULTS.md", page(told)),
        ("cold-starts.svg", cold_starts(told)),
        ("load.svg", load(told)),
        ("memory.svg", memory(told)),
    ]
}

/// What is told by this name as a number; it is there for everything that was measured.
fn at(told: &Value, name: &str) -> f64 {
    told[name].as_f64().unwrap_or_default()
}

fn text<'a>(told: &'a Value, name: &str) -> &'a str {
    told[name].as_str().unwrap_or_default()
}

fn page(told: &Value) -> String {
    let mut out = format!(
        "# Measured by `trm bench`\n\n\
         Command: `{}`, on {} cores, {}; {} functions. All of it is in one process, and only ratios mean anything on another machine.\n\
         [raw.json](raw.json) has every figure.\n\n\
         ## Cold starts, in microseconds\n\n\
         | phase | samples | p50 | p99 | p99.9 | target |  |\n|---|---|---|---|---|---|---|\n",
        text(told, "command"),
        told["cores"],
        text(told, "when"),
        told["functions"]
    );
    for (name, one) in told["phases"].as_object().into_iter().flatten() {
        let aim = AIMS.iter().find(|(aimed, _)| aimed == name);
        let (target, met) = match aim {
            Some((_, most)) => (format!("p50 at most {most}"), met(at(one, "p50") <= *most)),
            None => ("none".to_owned(), ""),
        };
        // Writing to a text does not fail, here and below.
        _ = writeln!(
            out,
            "| {name} | {} | {} | {} | {} | {target} | {met} |",
            one["samples"], one["p50"], one["p99"], one["p99.9"]
        );
    }
    out.push_str("\n![How many of the samples took how long](cold-starts.svg)\n");
    out.push_str(&load_section(&told["load"]));
    out.push_str(&memory_section(&told["density"]));
    out
}

fn met(met: bool) -> &'static str {
    match met {
        true => "met",
        false => "**missed**",
    }
}

fn load_section(load: &Value) -> String {
    let mut out = format!(
        "\n## Latency against load\n\n\
         `GET {}` of one host, opened as `trm serve` opens it, by nobody, past its edge cache: each runs the function, whose own entries are cached. \
         It is asked in this process, on the host's own cores: there is no socket and no process of a generator in it, so that what a client sees takes longer; tests/bench/run measures that.\n\
         {} at one time who each ask anew as soon as they are answered reach {}/s. \
         Then requests are due at shares of that for {} seconds each; late ones wait in line, and the time of each counts from when it was due. Given up are those that waited still as long again after the last was due, with the time that they had waited; failed are answers without success, which have no time.\n\n\
         | requests a second | of the most | samples | p50 | p99 | p99.9 | failed | given up |\n|---|---|---|---|---|---|---|---|\n",
        text(load, "route"),
        load["askers"],
        number(at(load, "most")),
        load["seconds"]
    );
    for one in load["rates"].as_array().into_iter().flatten() {
        let latency = &one["latency"];
        _ = writeln!(
            out,
            "| {} | {} % | {} | {} | {} | {} | {} | {} |",
            number(at(one, "rate")),
            one["share"],
            latency["samples"],
            time(at(latency, "p50")),
            time(at(latency, "p99")),
            time(at(latency, "p99.9")),
            one["failed"],
            one["given_up"]
        );
    }
    out.push_str("\n![p50 and p99 at each rate](load.svg)\n");
    out
}

fn memory_section(density: &Value) -> String {
    let fit = fit(density);
    format!(
        "\n## Memory\n\n\
         | what | measured | target |  |\n|---|---|---|---|\n\
         | live instances of all functions, each after one request | {} in {} MiB: {} in a GiB | at least {} | {} |\n\n\
         ![Memory that live instances hold](memory.svg)\n",
        number(at(density, "instances")),
        number(at(density, "bytes") / MIB),
        number(fit),
        number(IN_A_GIB),
        met(fit >= IN_A_GIB)
    )
}

/// How many instances of that size a gigabyte holds.
fn fit(density: &Value) -> f64 {
    (GIB / at(density, "bytes_per_instance").max(1.0)).floor()
}

fn cold_starts(told: &Value) -> String {
    let samples = told["samples"].as_object().into_iter().flatten();
    let named = samples.map(|(name, samples)| {
        let phase = &told["phases"][name];
        let legend = format!(
            "{name}: p50 {}, p99 {}, {} samples",
            time(at(phase, "p50")),
            time(at(phase, "p99")),
            number(at(phase, "samples"))
        );
        let samples = samples.as_array().into_iter().flatten();
        let samples: Vec<f64> = samples.filter_map(Value::as_f64).collect();
        (legend, samples)
    });
    let named: Vec<(String, Vec<f64>)> = named.collect();
    plots::histogram("Cold starts: how long, and how often", &named)
}

fn load(told: &Value) -> String {
    let load = &told["load"];
    let rates = load["rates"].as_array().into_iter().flatten();
    // Where nothing was answered there is no percentile.
    let rates: Vec<&Value> = rates
        .filter(|one| at(&one["latency"], "samples") > 0.0)
        .collect();
    let series = ["p50", "p99"].map(|share| Series {
        name: share.to_owned(),
        points: rates
            .iter()
            .map(|one| (at(one, "rate"), at(&one["latency"], share)))
            .collect(),
        aim: false,
    });
    let points = || series.iter().flat_map(|one| one.points.iter().copied());
    let x = Side {
        axis: Axis::even(points().map(|(rate, _)| rate)),
        what: "requests a second",
        written: number,
    };
    let y = Side {
        axis: Axis::decades(points().map(|(_, took)| took)),
        what: "time from when it was due, logarithmic",
        written: time,
    };
    let title = format!("Latency against load: GET {}", text(load, "route"));
    plots::lines(&title, &x, &y, &series)
}

fn memory(told: &Value) -> String {
    let curve = told["density"]["curve"].as_array().into_iter().flatten();
    let measured = curve.map(|one| {
        let at = |place: usize| one[place].as_f64().unwrap_or_default();
        (at(0), at(1) / MIB)
    });
    let points: Vec<(f64, f64)> = [(0.0, 0.0)].into_iter().chain(measured).collect();
    let most = points.last().map_or(0.0, |(count, _)| *count);
    let aimed = most * GIB / MIB / IN_A_GIB;
    let series = [
        Series {
            name: "resident, above what the process held without them".to_owned(),
            points,
            aim: false,
        },
        Series {
            name: format!("target: at most this, {} in a GiB", number(IN_A_GIB)),
            points: vec![(0.0, 0.0), (most, aimed)],
            aim: true,
        },
    ];
    let points = || series.iter().flat_map(|one| one.points.iter().copied());
    let x = Side {
        axis: Axis::even(points().map(|(count, _)| count)),
        what: "live instances of all functions, each after one request",
        written: number,
    };
    let y = Side {
        axis: Axis::even(points().map(|(_, held)| held)),
        what: "MiB",
        written: number,
    };
    plots::lines("Memory against live instances", &x, &y, &series)
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
