//! What a test or a recording answers in the host's place; runs no call.

use super::Told;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One answer that is given in the host's place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Interface and function: `documents.find-one`.
    pub call: String,
    /// The first arguments that it is for; none: for any.
    #[serde(default)]
    pub arguments: Vec<Value>,
    /// None: the call never ends.
    pub answer: Option<Value>,
    /// It is given once, not every time.
    #[serde(default)]
    pub once: bool,
}

/// Answers in the order in which they are looked for.
#[derive(Clone, Debug, Default)]
pub struct Script {
    lines: Vec<Line>,
    strict: bool,
}

pub(super) enum Answer {
    Given(Value),
    Never,
    /// The host itself is asked.
    NotHeld,
    /// Nobody is: the call is not in the recording.
    Strayed,
}

impl Script {
    /// Answers these calls; the host answers all others.
    pub fn some(lines: Vec<Line>) -> Self {
        Self {
            lines,
            strict: false,
        }
    }

    /// Answers each call that was recorded once, and no other.
    pub fn recorded(calls: &[Told]) -> Self {
        let lines = calls.iter().cloned().map(|told| Line {
            call: told.call,
            arguments: told.arguments,
            answer: told.answer,
            once: true,
        });
        Self {
            lines: lines.collect(),
            strict: true,
        }
    }

    pub(super) fn answer(&mut self, call: &str, arguments: &[Value]) -> Answer {
        let fits = |line: &Line| line.call == call && arguments.starts_with(&line.arguments);
        let Some(place) = self.lines.iter().position(fits) else {
            return match self.strict {
                true => Answer::Strayed,
                false => Answer::NotHeld,
            };
        };
        let answer = match self.lines[place].once {
            true => self.lines.remove(place).answer,
            false => self.lines[place].answer.clone(),
        };
        answer.map_or(Answer::Never, Answer::Given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(call: &str, arguments: &[Value], once: bool) -> Line {
        Line {
            call: call.to_owned(),
            arguments: arguments.to_vec(),
            answer: Some(json!(arguments.len())),
            once,
        }
    }

    #[test]
    fn the_first_line_that_fits_answers() {
        let jobs = [json!("jobs")];
        let mut script = Script::some(vec![line("find", &jobs, true), line("find", &[], false)]);
        let mut given = |call, arguments: &[Value]| match script.answer(call, arguments) {
            Answer::Given(answer) => Some(answer),
            _ => None,
        };
        assert_eq!(given("find", &[json!("users"), json!(1)]), Some(json!(0)));
        assert_eq!(given("find", &[json!("jobs"), json!(1)]), Some(json!(1)));
        assert_eq!(given("find", &[json!("jobs"), json!(1)]), Some(json!(0)));
        assert_eq!(given("count", &jobs), None);
    }

    #[test]
    fn a_recording_answers_each_call_once_and_knows_no_other() {
        let told = Told {
            call: "find".to_owned(),
            arguments: vec![json!("jobs")],
            answer: None,
            at_us: 0,
            took_us: None,
        };
        let mut script = Script::recorded(&[told]);
        let jobs = [json!("jobs")];
        assert!(matches!(script.answer("find", &jobs), Answer::Never));
        assert!(matches!(script.answer("find", &jobs), Answer::Strayed));
    }
}
