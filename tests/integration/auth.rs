//! Accounts and sessions as a client lives them, on both stores; knows no token's inside.

use harness::client::Client;
use harness::given;
use harness::host::Setup;
use serde_json::{Value, json};

fn everywhere(check: impl Fn(&Client)) {
    for setup in Setup::everywhere() {
        check(&setup.ready().client);
    }
}

fn register(client: &Client, email: &str, more: Value) -> harness::client::Answer {
    let mut body = json!({"email": email, "password": "a long enough one", "name": "Ann Example"});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    client.post("/api/auth/register", &body)
}

fn login(client: &Client, email: &str, password: &str) -> harness::client::Answer {
    let body = json!({"email": email, "password": password});
    client.post("/api/auth/login", &body)
}

#[test]
fn an_account_lives_from_its_registration_to_its_sign_out() {
    everywhere(|client| {
        let made = register(client, "Ann@One.example", json!({}));
        assert_eq!(made.status, 202, "{}", made.text);
        let answer = login(client, "ann@one.example", "a long enough one");
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.header("cache-control"), "private, no-cache");
        let token = answer.json()["accessToken"].as_str().unwrap().to_owned();
        let ann = client.bearer(&token);
        let me = ann.get("/api/users/me");
        assert_eq!(me.status, 200, "{}", me.text);
        assert_eq!(me.json()["email"], "ann@one.example");
        assert_eq!(me.json()["role"], "referrer");
        assert!(!me.text.contains("argon2"), "{}", me.text);
        let code = me.json()["referrerProfile"]["inviteCode"].clone();
        let invite = client.get(&format!("/api/invites/{}", code.as_str().unwrap()));
        assert_eq!(invite.json()["invitedBy"]["name"], "Ann Example");
        let id = me.json()["id"].as_str().unwrap().to_owned();
        let public = client.get(&format!("/api/users/{id}"));
        assert!(public.status == 200 && !public.text.contains("one.example"));

        assert_eq!(ann.call("POST", "/api/auth/logout").status, 204);
        let after = ann.get("/api/users/me");
        assert_eq!(
            (after.status, after.header("www-authenticate")),
            (401, "Bearer")
        );
        assert_eq!(ann.call("POST", "/api/auth/logout").status, 401);
    });
}

#[test]
fn a_sign_out_on_one_host_holds_on_the_other() {
    let setup = Setup::on_servers(&given("TEST_MONGODB_URI"), &given("TEST_REDIS_URL"));
    let (one, two) = (setup.ready(), setup.ready());
    let here = one.client.demo("referrer");
    let there = two.client.bearer(&here.token());
    assert_eq!(there.get("/api/users/me").status, 200);
    assert_eq!(here.call("POST", "/api/auth/logout").status, 204);
    harness::eventually(
        "the other host has heard of it",
        std::time::Duration::from_secs(2),
        || there.get("/api/users/me").status == 401,
    );
}

#[test]
fn nothing_tells_whether_an_address_has_an_account() {
    everywhere(|client| {
        let (first, second) = (
            register(client, "known@two.example", json!({})),
            register(
                client,
                "known@two.example",
                json!({"password": "another password"}),
            ),
        );
        assert_eq!((first.status, &first.text), (second.status, &second.text));
        // The second changed nothing: the first password is the one that fits.
        assert_eq!(
            login(client, "known@two.example", "a long enough one").status,
            200
        );
        let wrong = login(client, "known@two.example", "another password");
        let nobody = login(client, "nobody@two.example", "another password");
        assert_eq!((wrong.status, &wrong.text), (401, &nobody.text));
        // A user of the sample data without a password cannot sign in with any.
        assert_eq!(
            login(client, "lukas.bakker1@people.example", "").status,
            401
        );
    });
}

#[test]
fn a_refresh_token_is_good_once_and_its_second_use_ends_the_session() {
    everywhere(|client| {
        let first = login(client, "referrer@demo.example", "demo-password").json();
        let renew =
            |token: &Value| client.post("/api/auth/refresh", &json!({"refreshToken": token}));
        let second = renew(&first["refreshToken"]);
        assert_eq!(second.status, 200, "{}", second.text);
        let second = second.json();
        let user = client.bearer(second["accessToken"].as_str().unwrap());
        assert_eq!(user.get("/api/users/me").status, 200);
        // A guess ends nothing.
        let guess = format!("{}x", second["refreshToken"].as_str().unwrap());
        assert_eq!(renew(&json!(guess)).status, 401);
        assert_eq!(user.get("/api/users/me").status, 200);
        assert_eq!(renew(&first["refreshToken"]).status, 401);
        assert_eq!(
            user.get("/api/users/me").status,
            401,
            "the session has ended"
        );
        assert_eq!(renew(&second["refreshToken"]).status, 401);
    });
}

#[test]
fn guessing_is_slowed_down_for_an_account() {
    for setup in Setup::everywhere() {
        let host = setup.ready();
        // An account of its own: counters in Redis are shared by every host that uses it.
        let email = format!(
            "slow{}-{}@guess.example",
            std::process::id(),
            harness::number()
        );
        assert_eq!(register(&host.client, &email, json!({})).status, 202);
        for _ in 0..10 {
            assert_eq!(login(&host.client, &email, "guess number").status, 401);
        }
        let refused = login(&host.client, &email, "a long enough one");
        assert_eq!(refused.status, 429, "{}", refused.text);
        assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1);
        let other = login(&host.client, "referrer@demo.example", "demo-password");
        assert_eq!(other.status, 200);
    }
}

#[test]
fn guessing_is_slowed_down_for_an_address_as_it_is_set() {
    for setup in Setup::everywhere() {
        let strict = setup.env("AUTH_ATTEMPTS_PER_MINUTE", "3").ready();
        let statuses: Vec<u16> = (0..5)
            .map(|at| login(&strict.client, &format!("{at}@x.example"), "guess number").status)
            .collect();
        assert!(statuses.ends_with(&[429, 429]), "{statuses:?}");
    }
}

#[test]
fn secrets_can_be_changed_without_signing_anyone_out() {
    let setup = Setup::embedded();
    let token = setup.ready().client.demo("referrer").token();
    let status = |setup: Setup| {
        setup
            .ready()
            .client
            .bearer(&token)
            .get("/api/users/me")
            .status
    };
    let rotated = setup
        .clone()
        .env("JWT_SECRET", "another secret of tests, for tokens");
    let former = "a secret of tests alone, for tokens";
    assert_eq!(
        status(rotated.clone().env("JWT_SECRET_PREVIOUS", former)),
        200
    );
    assert_eq!(status(rotated), 401);
}

#[test]
fn a_partners_key_goes_as_far_as_its_scopes_until_it_is_taken_back() {
    everywhere(|client| {
        let admin = client.demo("admin");
        let company = "650000000100000000000001";
        let asked = json!({"name": "ATS", "companyId": company, "scopes": ["jobs:write"]});
        let made = admin.post("/api/admin/keys", &asked);
        assert_eq!(made.status, 201, "{}", made.text);
        let made = made.json();
        let partner = client.with("x-api-key", made["key"].as_str().unwrap());
        let job = |company: &str| {
            json!({
                "companyId": company, "title": "Ropemaker", "description": "Makes ropes.",
                "location": {"city": "Hamburg", "country": "DE"},
                "salary": {"min": 1, "max": 2, "currency": "EUR"},
            })
        };
        assert_eq!(partner.post("/api/jobs", &job(company)).status, 201);
        let other = partner.post("/api/jobs", &job("650000000100000000000002"));
        assert_eq!(other.status, 403, "{}", other.text);
        let lacking = partner.get("/api/referrals");
        assert!(lacking.status == 403 && lacking.text.contains("referrals:read"));
        let forged = client.with("x-api-key", &format!("{}x", made["key"].as_str().unwrap()));
        assert_eq!(forged.post("/api/jobs", &job(company)).status, 401);

        let listed = admin.get("/api/admin/keys");
        assert!(
            listed.text.contains("ATS") && !listed.text.contains("seal"),
            "{}",
            listed.text
        );
        let place = format!("/api/admin/keys/{}", made["id"].as_str().unwrap());
        assert_eq!(admin.call("DELETE", &place).status, 204);
        assert_eq!(partner.post("/api/jobs", &job(company)).status, 401);
    });
}
