//! Axes of plots: where a value has its place, which values are written beside them, and how; draws nothing.

/// Nothing that is measured here is less or more, in microseconds; what is has its place at the end.
const LEAST: f64 = 0.1;
const MOST: f64 = 1e12;
/// Steps of an even axis, or one more or fewer.
const STEPS: f64 = 5.0;

/// From its lowest to its highest value.
#[derive(Debug)]
pub struct Axis {
    /// The values that are written beside it: the first and the last are its ends.
    pub steps: Vec<f64>,
    by_decades: bool,
}

impl Axis {
    /// From zero to beyond the largest of these values, in equal steps.
    pub fn even(values: impl Iterator<Item = f64>) -> Self {
        let values = values.filter(|value| value.is_finite());
        let most = values.fold(0.0_f64, f64::max).min(MOST);
        let step = round(most / STEPS);
        let count = (most / step).ceil().max(1.0) as u32;
        Self {
            steps: (0..=count).map(|at| f64::from(at) * step).collect(),
            by_decades: false,
        }
    }

    /// Around these values by powers of ten, for what differs by more than the eye can compare.
    pub fn decades(values: impl Iterator<Item = f64>) -> Self {
        let values = values.filter(|value| value.is_finite());
        let values = values.map(|value| value.clamp(LEAST, MOST));
        let ends = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
        let (low, high) = match values.fold((MOST, LEAST), ends) {
            (low, high) if low > high => (1.0, 10.0),
            ends => ends,
        };
        let first = low.log10().floor() as i32;
        let last = (high.log10().ceil() as i32).max(first + 1);
        // Where there are few powers of ten, what is between two of them is written as well.
        let between: &[f64] = match last - first <= 2 {
            true => &[1.0, 2.0, 5.0],
            false => &[1.0],
        };
        let decade = |power: i32| between.iter().map(move |one| one * 10_f64.powi(power));
        let mut steps: Vec<f64> = (first..last).flat_map(decade).collect();
        steps.push(10_f64.powi(last));
        Self {
            steps,
            by_decades: true,
        }
    }

    /// From 0 to 1.
    pub fn place(&self, value: f64) -> f64 {
        let (Some(low), Some(high)) = (self.steps.first(), self.steps.last()) else {
            return 0.0;
        };
        // In this order what is no number is the least.
        let value = value.max(*low).min(*high);
        match self.by_decades {
            true => (value / low).log10() / (high / low).log10(),
            false => (value - low) / (high - low),
        }
    }
}

/// At least this, and easy to count by.
fn round(step: f64) -> f64 {
    // Powers of ten end at some place, and nothing that is measured comes near it.
    if step < 1e-9 {
        return 1.0;
    }
    let power = 10_f64.powf(step.log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|one| one * power);
    let step = steps.into_iter().find(|one| *one >= step);
    step.unwrap_or(10.0 * power)
}

/// Microseconds in the unit that makes them short.
pub fn time(micros: f64) -> String {
    let (amount, unit) = match micros {
        micros if micros < 1e3 => (micros, "µs"),
        micros if micros < 1e6 => (micros / 1e3, "ms"),
        micros => (micros / 1e6, "s"),
    };
    format!("{} {unit}", number(amount))
}

/// With commas between thousands, and no more digits than the eye takes in.
pub fn number(value: f64) -> String {
    let text = match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    };
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    let part = part.trim_end_matches('0');
    if !part.is_empty() {
        out.push('.');
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_axis_counts_by_ones_twos_or_fives() {
        let steps = |values: &[f64]| Axis::even(values.iter().copied()).steps;
        assert_eq!(steps(&[7.0, 41.0]), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]);
        assert_eq!(steps(&[6144.0]), [0.0, 2000.0, 4000.0, 6000.0, 8000.0]);
        assert_eq!(steps(&[]), [0.0, 1.0]);
        assert_eq!(steps(&[0.0, f64::MIN_POSITIVE]), [0.0, 1.0]);
    }

    #[test]
    fn an_axis_by_decades_has_its_values_within() {
        let steps = |values: &[f64]| Axis::decades(values.iter().copied()).steps;
        assert_eq!(
            steps(&[9.3, 4_358.0]),
            [1.0, 10.0, 100.0, 1_000.0, 10_000.0]
        );
        assert_eq!(steps(&[30.0]), [10.0, 20.0, 50.0, 100.0]);
        assert_eq!(steps(&[10.0]), [10.0, 20.0, 50.0, 100.0]);
        assert_eq!(steps(&[]), [1.0, 2.0, 5.0, 10.0]);
    }

    #[test]
    fn a_value_has_its_place_and_no_value_has_none_outside() {
        let axis = Axis::decades([1.0, 10_000.0].into_iter());
        for (value, place) in [(1.0, 0.0), (100.0, 0.5), (10_000.0, 1.0)] {
            assert!((axis.place(value) - place).abs() < 1e-9, "{value}");
        }
        let odd = [0.0, -1.0, f64::MAX, f64::MIN, f64::INFINITY, f64::NAN];
        for axis in [
            Axis::even(odd.into_iter()),
            Axis::decades(odd.into_iter()),
            Axis::even([3.0].into_iter()),
        ] {
            for value in odd {
                assert!((0.0..=1.0).contains(&axis.place(value)), "{value} {axis:?}");
            }
            assert!(axis.steps.len() < 20, "{axis:?}");
        }
    }

    #[test]
    fn values_are_written_short() {
        let written = [0.1, 1.25, 9.0, 12.34, 999.4, 1_500.0, 40_000.0, 2e6].map(time);
        let expected = [
            "0.1 µs", "1.25 µs", "9 µs", "12.3 µs", "999 µs", "1.5 ms", "40 ms", "2 s",
        ];
        assert_eq!(written, expected);
        let written = [0.0, 100.0, 6_138.0, 1_234_567.0].map(number);
        assert_eq!(written, ["0", "100", "6,138", "1,234,567"]);
    }
}
