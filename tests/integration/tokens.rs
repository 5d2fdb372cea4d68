//! Tokens that are forged, each beside what makes it one: the algorithm, the key, the clock, the claims; knows the form of a good one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harness::host::Setup;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2_11::{Sha256, Sha512};
use std::time::{SystemTime, UNIX_EPOCH};

const SECRET: &str = "a secret of tests alone, for tokens";

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

fn unpart(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// A token of these two texts, signed with HMAC-SHA256.
fn signed(head: &Value, claims: &Value, secret: &str) -> String {
    let text = format!("{}.{}", part(head), part(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    let tag = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    format!("{text}.{tag}")
}

fn with(json: &Value, name: &str, value: Value) -> Value {
    let mut json = json.clone();
    json[name] = value;
    json
}

fn without(json: &Value, name: &str) -> Value {
    let mut json = json.clone();
    json.as_object_mut().unwrap().remove(name);
    json
}

#[test]
fn only_a_token_that_this_host_signed_for_now_is_a_token() {
    let host = Setup::embedded().ready();
    let token = host.client.demo("referrer").token();
    let other = host.client.demo("admin").token();
    let parts: Vec<&str> = token.split('.').collect();
    let (head, claims) = (unpart(parts[0]), unpart(parts[1]));
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let status = |token: &str| host.client.bearer(token).get("/api/users/me").status;
    // What is made here as the host makes it is taken: so what is refused below is refused for its fault.
    assert_eq!(status(&token), 200);
    assert_eq!(status(&signed(&head, &claims, SECRET)), 200);
    assert_eq!(
        status(&signed(
            &head,
            &with(&claims, "exp", json!(now + 60)),
            SECRET
        )),
        200
    );

    let sha512 = {
        let text = format!("{}.{}", part(&with(&head, "alg", json!("HS512"))), parts[1]);
        let mut mac = Hmac::<Sha512>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(text.as_bytes());
        format!(
            "{text}.{}",
            URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
        )
    };
    let none = part(&with(&head, "alg", json!("none")));
    let head_with = |name, value| signed(&with(&head, name, value), &claims, SECRET);
    let claims_with = |name, value| signed(&head, &with(&claims, name, value), SECRET);
    let admin = unpart(other.split('.').nth(1).unwrap());
    let forged = [
        ("no algorithm", format!("{none}.{}.", parts[1])),
        (
            "no algorithm, a signature",
            format!("{none}.{}.{}", parts[1], parts[2]),
        ),
        ("None", head_with("alg", json!("None"))),
        ("another HMAC", sha512),
        ("the name of another HMAC", head_with("alg", json!("HS512"))),
        ("an algorithm with keys", head_with("alg", json!("RS256"))),
        ("small letters", head_with("alg", json!("hs256"))),
        ("a list of algorithms", head_with("alg", json!(["HS256"]))),
        ("another key", head_with("kid", json!("0000000000000000"))),
        (
            "a key from a path",
            head_with("kid", json!("../../../../dev/null")),
        ),
        ("a key by injection", head_with("kid", json!("' OR 1=1 --"))),
        ("no key", signed(&without(&head, "kid"), &claims, SECRET)),
        (
            "a key of its own",
            signed(
                &with(&head, "jwk", json!({"kty": "oct", "k": "AA"})),
                &claims,
                "AA",
            ),
        ),
        (
            "another secret",
            signed(&head, &claims, "another secret of the same length"),
        ),
        ("an empty secret", signed(&head, &claims, "")),
        ("expired a second ago", claims_with("exp", json!(now - 1))),
        ("expired for ever", claims_with("exp", json!(0))),
        ("an end before all time", claims_with("exp", json!(-1))),
        (
            "an end as a text",
            claims_with("exp", json!((now + 60).to_string())),
        ),
        ("an end beyond 64 bits", claims_with("exp", json!(1e30))),
        ("no end", signed(&head, &without(&claims, "exp"), SECRET)),
        (
            "no session",
            signed(&head, &without(&claims, "sid"), SECRET),
        ),
        (
            "an operator as a session",
            claims_with("sid", json!({"$ne": null})),
        ),
        (
            "a session of nobody",
            claims_with("sid", json!("650000000000000000000000")),
        ),
        (
            "the claims of another",
            format!("{}.{}.{}", parts[0], part(&admin), parts[2]),
        ),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("a longer signature", format!("{token}AA")),
        ("padding", format!("{token}=")),
        ("four parts", format!("{token}.{}", parts[2])),
        ("one part", parts[1].to_owned()),
        ("nothing", String::new()),
        ("8 kB", "a".repeat(8_192)),
    ];
    for (what, token) in forged {
        assert_eq!(status(&token), 401, "{what}: {token}");
    }
    // The user is the session's, whatever the token says of it.
    let crossed = claims_with("sub", admin["sub"].clone());
    let answer = host.client.bearer(&crossed).get("/api/users/me");
    assert!(
        answer.status == 401 || answer.json()["role"] == "referrer",
        "{}",
        answer.text
    );
}
