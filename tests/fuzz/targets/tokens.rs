//! Tokens and seals: one that is changed in any place is nobody's, and no text is one by chance; keeps no secret.

#![cfg_attr(not(test), no_main)]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use trm_fuzz::choices::Choices;
use trm_sdk::signing::Secrets;

static SECRETS: LazyLock<Secrets> = LazyLock::new(|| {
    let former = Some("the secret that was before".to_owned());
    Secrets::new("TEST", "a secret of the fuzzer".to_owned(), former).expect("long enough")
});
static TOKEN: LazyLock<String> = LazyLock::new(|| {
    let claims = serde_json::json!({"sub": "650000000300000000000001"});
    SECRETS.token(claims, 1 << 40).expect("a token")
});

/// The same text with something else in some places; never longer by more than a few letters.
fn changed(choices: &mut Choices<'_>, text: &str) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    for _ in 0..=choices.below(3) {
        let at = usize::from(choices.below(255)) % letters.len().max(1);
        let other = char::from(choices.below(128));
        match choices.below(5) {
            0 => letters.insert(at.min(letters.len()), other),
            1 if !letters.is_empty() => drop(letters.remove(at)),
            2 => letters.truncate(at),
            _ if !letters.is_empty() => letters[at] = other,
            _ => {}
        }
    }
    letters.into_iter().collect()
}

fn reads(token: &str) -> bool {
    SECRETS.read::<serde_json::Value>(token).is_some()
}

fuzz_target!(|bytes: &[u8]| {
    assert!(reads(&TOKEN));
    let text = String::from_utf8_lossy(bytes);
    assert!(!reads(&text) || *text == **TOKEN);
    let mut choices = Choices(bytes);
    let other = changed(&mut choices, &TOKEN);
    assert!(!reads(&other) || other == *TOKEN, "{other} is {}", *TOKEN);
    let purpose = choices.text();
    let sealed = choices.text();
    let seal = SECRETS.seal(&purpose, &sealed);
    assert!(SECRETS.is_sealed(&purpose, &sealed, &seal));
    assert!(!SECRETS.is_sealed(&format!("{purpose}x"), &sealed, &seal));
    assert!(!SECRETS.is_sealed(&purpose, &format!("{sealed}x"), &seal));
    let other = changed(&mut choices, &seal);
    let same = other.eq_ignore_ascii_case(&seal);
    assert!(
        same || !SECRETS.is_sealed(&purpose, &sealed, &other),
        "{other} is {seal}"
    );
});
