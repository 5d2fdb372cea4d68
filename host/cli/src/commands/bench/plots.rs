//! Plots as SVG, each a file that stands alone; measures nothing and writes no file.

use super::axis::Axis;
use super::axis::number;
use super::axis::time;
use std::fmt::Write;

/// The field of a plot in pixels, and the room around it.
const WIDE: f64 = 660.0;
const TALL: f64 = 280.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 28.0;
const ABOVE: f64 = 40.0;
const BELOW: f64 = 60.0;
/// A line of the legend.
const NAME: f64 = 18.0;
const COLOURS: [&str; 5] = ["#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed"];
/// Bars of a histogram.
const BARS: usize = 110;

/// One side of a plot.
pub struct Side {
    /// Where values have their places.
    pub axis: Axis,
    /// What they are, with their unit.
    pub what: &'static str,
    /// How one is written.
    pub written: fn(f64) -> String,
}

/// One line of a plot.
pub struct Series {
    /// As the legend has it.
    pub name: String,
    /// Across and up.
    pub points: Vec<(f64, f64)>,
    /// Not measured, but aimed at.
    pub aim: bool,
}

/// How the samples of each name are spread over time, which goes by powers of ten. They are of different numbers, so
/// that each bar is a share of its own.
pub fn histogram(title: &str, named: &[(String, Vec<f64>)]) -> String {
    let all = named.iter().flat_map(|(_, samples)| samples);
    let axis = Axis::decades(all.copied());
    let bars = named.iter().map(|(_, samples)| shares(&axis, samples));
    let bars: Vec<Vec<f64>> = bars.collect();
    let x = Side {
        axis,
        what: "time, logarithmic",
        written: time,
    };
    let y = Side {
        axis: Axis::even(bars.iter().flatten().copied()),
        what: "% of the samples",
        written: number,
    };
    let wide = WIDE / BARS as f64;
    let mut drawn = String::new();
    for (bars, colour) in bars.iter().zip(COLOURS.iter().cycle()) {
        let mut path = format!("M0 {TALL}");
        for (place, share) in bars.iter().enumerate() {
            let end = (place + 1) as f64 * wide;
            // Writing to a text does not fail, here and below.
            _ = write!(path, "V{:.1}H{end:.1}", up(&y, *share));
        }
        _ = writeln!(
            drawn,
            r#"<path d="{path}V{TALL}Z" fill="{colour}" fill-opacity="0.3" stroke="{colour}"/>"#
        );
    }
    let names = named.iter().map(|(name, _)| name.as_str());
    frame(title, &x, &y, names, &drawn)
}

/// The percentage of the samples in each bar.
fn shares(axis: &Axis, samples: &[f64]) -> Vec<f64> {
    let mut counts = [0_u32; BARS];
    for sample in samples {
        let place = (axis.place(*sample) * BARS as f64) as usize;
        counts[place.min(BARS - 1)] += 1;
    }
    let all = samples.len().max(1) as f64;
    let shares = counts.iter().map(|count| f64::from(*count) * 100.0 / all);
    shares.collect()
}

/// Each series as a line through its points.
pub fn lines(title: &str, x: &Side, y: &Side, series: &[Series]) -> String {
    let mut drawn = String::new();
    for (one, colour) in series.iter().zip(COLOURS.iter().cycle()) {
        let points = one.points.iter();
        let points: Vec<_> = points.map(|(a, b)| (across(x, *a), up(y, *b))).collect();
        let path: Vec<_> = points
            .iter()
            .map(|(a, b)| format!("{a:.1},{b:.1}"))
            .collect();
        let dashes = match one.aim {
            true => r#" stroke-dasharray="6 5""#,
            false => "",
        };
        _ = writeln!(
            drawn,
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>"#,
            path.join(" ")
        );
        for (a, b) in points.iter().filter(|_| !one.aim) {
            _ = writeln!(
                drawn,
                r#"<circle cx="{a:.1}" cy="{b:.1}" r="3.5" fill="{colour}"/>"#
            );
        }
    }
    frame(
        title,
        x,
        y,
        series.iter().map(|one| one.name.as_str()),
        &drawn,
    )
}

fn across(side: &Side, value: f64) -> f64 {
    side.axis.place(value) * WIDE
}

fn up(side: &Side, value: f64) -> f64 {
    (1.0 - side.axis.place(value)) * TALL
}

/// What was drawn in the field, with its title, its legend and its sides.
fn frame<'a>(
    title: &str,
    x: &Side,
    y: &Side,
    names: impl ExactSizeIterator<Item = &'a str>,
    drawn: &str,
) -> String {
    let top = ABOVE + NAME * names.len() as f64 + 10.0;
    let (wide, tall) = (LEFT + WIDE + RIGHT, top + TALL + BELOW);
    let (title, middle) = (escaped(title), WIDE / 2.0);
    let mut out = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{tall}" viewBox="0 0 {wide} {tall}" font-family="sans-serif" font-size="12" fill="black">
<title>{title}</title>
<rect width="{wide}" height="{tall}" fill="white"/>
<text x="{LEFT}" y="24" font-size="15" font-weight="bold">{title}</text>
"#
    );
    for (place, (name, colour)) in names.zip(COLOURS.iter().cycle()).enumerate() {
        let line = ABOVE + NAME * place as f64;
        let (text, name) = (LEFT + 18.0, escaped(name));
        _ = write!(
            out,
            r#"<rect x="{LEFT}" y="{line}" width="12" height="12" fill="{colour}"/>
<text x="{text}" y="{}">{name}</text>
"#,
            line + 11.0
        );
    }
    _ = writeln!(out, r#"<g transform="translate({LEFT} {top})">"#);
    for step in &x.axis.steps {
        let (at, below, value) = (across(x, *step), TALL + 18.0, (x.written)(*step));
        _ = write!(
            out,
            r#"<path d="M{at:.1} 0V{TALL}" stroke="gainsboro"/>
<text x="{at:.1}" y="{below}" text-anchor="middle">{value}</text>
"#
        );
    }
    for step in &y.axis.steps {
        let (at, value) = (up(y, *step), (y.written)(*step));
        _ = write!(
            out,
            r#"<path d="M0 {at:.1}H{WIDE}" stroke="gainsboro"/>
<text x="-8" y="{:.1}" text-anchor="end">{value}</text>
"#,
            at + 4.0
        );
    }
    let (below, half, beside) = (TALL + 44.0, TALL / 2.0, 22.0 - LEFT);
    let (x, y) = (escaped(x.what), escaped(y.what));
    _ = write!(
        out,
        r#"{drawn}<path d="M0 0V{TALL}H{WIDE}" fill="none" stroke="dimgray"/>
<text x="{middle}" y="{below}" text-anchor="middle">{x}</text>
<text x="{beside}" y="{half}" text-anchor="middle" transform="rotate(-90 {beside} {half})">{y}</text>
</g>
</svg>
"#
    );
    out
}

/// As XML has text; what no text may hold is a space.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
#[path = "plots_tests.rs"]
mod tests;
