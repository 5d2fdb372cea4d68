//! What is read of a trace is written again, and what is secret is in no line that is logged, wherever it stands; logs nothing.

#![cfg_attr(not(test), no_main)]

use libfuzzer_sys::fuzz_target;
use trm_fuzz::choices::Choices;
use trm_telemetry::redact::Redacting;
use trm_telemetry::traceparent::{read, write};

/// Letters that stand in secrets alone.
const SECRET: [char; 8] = ['A', 'K', 'Q', 'Z', '7', '8', '9', 'É'];
/// What a line is made of beside them; a password in an address ends at none of the first.
const PLAIN: [char; 12] = ['x', ':', '@', '*', 'é', '=', ' ', '/', '"', ',', '<', '\n'];

fn traces(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Some(context) = read(text) else {
        return;
    };
    let written = write(&context);
    let text = text.trim();
    assert!(context.is_valid() && context.is_remote());
    assert_eq!(written[2..], text[2..55], "{text}");
    assert!(!text.starts_with("00") || text == written);
    assert_eq!(read(&written), Some(context));
}

fn hides(secrets: &[String], line: &str) {
    let redacting = Redacting::new(secrets);
    let logged = redacting.clean(line);
    assert!(
        !logged.contains(SECRET),
        "{line:?} is logged as {logged:?} with {secrets:?}"
    );
    assert_eq!(redacting.clean(&logged), logged);
}

fuzz_target!(|bytes: &[u8]| {
    traces(bytes);
    // What has neither of the two shapes, and no secret, stays as it is.
    let line = String::from_utf8_lossy(bytes);
    if !["://", "Bearer ", "not-in-it"]
        .iter()
        .any(|shape| line.contains(shape))
    {
        let redacting = Redacting::new(&["not-in-it".to_owned()]);
        assert_eq!(redacting.clean(&line), line);
    }
    let mut choices = Choices(bytes);
    let secret = |choices: &mut Choices<'_>| {
        let long = choices.word(&SECRET, 8);
        format!("AZ{long}789Q")
    };
    let secrets: Vec<_> = (0..=choices.below(3))
        .map(|_| secret(&mut choices))
        .collect();
    let (before, after) = (choices.word(&PLAIN, 9), choices.word(&PLAIN, 9));
    // The one that stands in the line stands alone: of two that run together nobody knows where one ends.
    let chosen = choices.one(&secrets).clone();
    hides(&secrets, &format!("{before}{chosen}{after}"));
    hides(&[], &format!("{before}Bearer {chosen}"));
    let user = choices.word(&PLAIN[..6], 5);
    hides(&[], &format!("{before}://{user}:{chosen}@host{after}"));
});
