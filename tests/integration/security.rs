//! What a hostile client tries at the marketplace's doors: operators in place of values, clocks, a look for secrets.

use harness::client::Client;
use harness::eventually;
use harness::given;
use harness::host::Setup;
use serde_json::json;
use std::time::{Duration, Instant};

const SECRET: &str = "a secret of tests alone, for tokens";

fn everywhere(check: impl Fn(&Client)) {
    for setup in Setup::everywhere() {
        check(&setup.ready().client);
    }
}

#[test]
fn an_operator_where_a_value_belongs_is_refused_and_matches_nothing() {
    everywhere(|client| {
        let operators = [
            json!({"$ne": null}),
            json!({"$gt": ""}),
            json!({"$regex": ".*"}),
            json!({"$where": "1"}),
            json!(["admin@demo.example"]),
            json!({"$expr": {"$eq": [1, 1]}}),
        ];
        let recruiter = client.demo("recruiter");
        let job = "/api/jobs/650000000300000000000001";
        let before = client.get(job).text;
        for operator in &operators {
            let bodies = [
                (
                    "/api/auth/login",
                    json!({"email": operator, "password": operator}),
                ),
                (
                    "/api/auth/login",
                    json!({"email": "admin@demo.example", "password": operator}),
                ),
                ("/api/auth/refresh", json!({"refreshToken": operator})),
                (
                    "/api/auth/register",
                    json!({"email": operator, "password": "a long enough one", "name": "X"}),
                ),
                (
                    "/api/referrals",
                    json!({"jobId": operator, "candidate": operator}),
                ),
                (
                    "/api/jobs",
                    json!({"companyId": operator, "title": operator}),
                ),
                (
                    "/api/webhooks",
                    json!({"url": operator, "events": operator}),
                ),
            ];
            for (path, body) in bodies {
                let answer = recruiter.post(path, &body);
                let refused = (400..500).contains(&answer.status);
                assert!(refused, "{path} {body}: {} {}", answer.status, answer.text);
            }
            for body in [
                json!({"title": operator}),
                json!({"$set": {"title": "X"}}),
                json!({"title.x": operator}),
            ] {
                let answer = recruiter.patch(job, &body);
                assert!(
                    (400..500).contains(&answer.status),
                    "{body}: {}",
                    answer.text
                );
            }
        }
        assert_eq!(client.get(job).text, before);
        let public = client.get("/api/jobs?limit=1").json()["total"].clone();
        for query in [
            "city[$ne]=x",
            "city=%7B%22%24ne%22%3Anull%7D",
            "status[$in][]=draft",
            "$where=1",
            "sort=$natural",
            "sort=-%24where",
            "fields=%24%24ROOT",
            "fields=passwordHash",
            "page[$gt]=0",
            "limit=%7B%7D",
            "companyId=%7B%22%24gt%22%3A%22%22%7D",
        ] {
            let answer = client.get(&format!("/api/jobs?{query}"));
            assert!(answer.status < 500, "{query}: {}", answer.text);
            let found = answer.status == 200 && answer.json()["total"] == public;
            assert!(
                !found,
                "{query} was a filter for everything: {}",
                answer.text
            );
        }
        for path in [
            "/api/jobs/%7B%22%24ne%22%3Anull%7D",
            "/api/jobs/[$ne]",
            "/api/users/%7B%22%24gt%22%3A%22%22%7D",
            "/api/invites/%7B%22%24ne%22%3A1%7D",
            "/api/jobs/..%2f..%2fusers",
            "/api/jobs/%00",
            "/api/companies/%ff/jobs",
            "/api/jobs/650000000300000000000001%00",
            "/api/jobs/' OR '1'='1",
        ] {
            let answer = client
                .attempt("GET", &path.replace(' ', "%20"), None, b"")
                .unwrap();
            let refused = (400..500).contains(&answer.status);
            assert!(refused, "{path}: {} {}", answer.status, answer.text);
        }
        for search in [
            "%24where",
            "%7B%22%24regex%22%3A%22.*%22%7D",
            "%22%22",
            "-",
            "a%00b",
        ] {
            let answer = client.get(&format!("/api/jobs/search?q={search}"));
            assert!(answer.status < 500, "{search}: {}", answer.text);
        }
    });
}

/// The middle of some times.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

/// Accounts that are tried in turn, and pairs of attempts that are compared at one time: three on each account, of
/// ten that it has in five minutes.
const ACCOUNTS: usize = 20;
const PAIRS: usize = 60;
/// Another load of the machine may spoil one comparison, or two.
const COMPARISONS: usize = 3;
/// How much longer one may take than the other, as a part of it.
const DIFFERENCE: f64 = 0.15;

/// How many times as long as with an unknown account a login with a wrong password takes.
fn known_to_unknown(client: &Client, comparison: usize) -> f64 {
    let login = |email: String| {
        let began = Instant::now();
        let body = json!({"email": email, "password": "not the password"});
        assert_eq!(client.post("/api/auth/login", &body).status, 401);
        began.elapsed()
    };
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for pair in 0..PAIRS {
        let mut with_account =
            || known.push(login(format!("known{}@time.example", pair % ACCOUNTS)));
        let mut without = || unknown.push(login(format!("{comparison}.{pair}@time.example")));
        // Side by side, and neither always first.
        if pair % 2 == 0 {
            with_account();
            without();
        } else {
            without();
            with_account();
        }
    }
    median(known) / median(unknown)
}

#[test]
fn the_time_of_a_login_does_not_tell_whether_there_is_an_account() {
    let host = Setup::embedded().ready();
    for account in 0..ACCOUNTS {
        let body = json!({
            "email": format!("known{account}@time.example"), "password": "a long enough one", "name": "Known",
        });
        let registered = host.client.post("/api/auth/register", &body);
        assert_eq!(registered.status, 202, "{}", registered.text);
    }
    let mut ratios = Vec::new();
    for comparison in 0..COMPARISONS {
        let ratio = known_to_unknown(&host.client, comparison);
        if (ratio - 1.0).abs() < DIFFERENCE {
            return;
        }
        ratios.push(ratio);
    }
    panic!("a known account takes {ratios:.2?} times as long");
}

#[test]
fn no_secret_is_in_a_log_an_error_or_a_metric() {
    let host = Setup::on_servers(&given("TEST_MONGODB_URI"), &given("TEST_REDIS_URL"))
        .env("LOG_LEVEL", "debug")
        .env("NODE_ENV", "production")
        .env("SLOW_REQUEST_THRESHOLD", "0")
        .ready();
    let client = &host.client;
    let admin = client.demo("admin");
    let login = json!({"email": "referrer@demo.example", "password": "demo-password"});
    let session = client.post("/api/auth/login", &login).json();
    let asked =
        json!({"name": "ATS", "companyId": "650000000100000000000001", "scopes": ["jobs:write"]});
    let key = admin.post("/api/admin/keys", &asked).json()["key"]
        .as_str()
        .unwrap()
        .to_owned();
    let recruiter = client.demo("recruiter");
    let hook = json!({"url": "https://hooks.example/a", "events": ["job.created"]});
    let hook = recruiter.post("/api/webhooks", &hook);
    assert_eq!(hook.status, 201, "{}", hook.text);
    let place = hook.header("location");
    let signing = recruiter.get(place).json()["secret"].clone();
    // A delivery is attempted, and signed with it.
    let job = json!({
        "companyId": "650000000100000000000001", "title": "Keeper", "description": "Keeps secrets.",
        "location": {"city": "Lyon", "country": "FR"},
        "salary": {"min": 4_000_000, "max": 5_000_000, "currency": "EUR"},
        "referralBonus": {"amount": 100_000, "currency": "EUR"},
    });
    let posted = recruiter.post("/api/jobs", &job);
    assert_eq!(posted.status, 201, "{}", posted.text);
    let deliveries = format!("{place}/deliveries");
    eventually("a delivery is attempted", Duration::from_secs(40), || {
        recruiter.get(&deliveries).json()["data"][0]["attempts"].as_u64() > Some(0)
    });
    let token = admin.token();
    let secrets = [
        SECRET,
        "a secret of tests alone, for keys",
        "demo-password",
        "wrong-password-of-this-test",
        session["accessToken"].as_str().unwrap(),
        session["refreshToken"].as_str().unwrap(),
        &token,
        &key,
        signing.as_str().unwrap(),
    ];
    for secret in secrets {
        // What is empty or short would be found nowhere, or by chance.
        assert!(secret.len() >= 13, "{secret} is no secret");
    }

    let wrong = json!({"email": "admin@demo.example", "password": "wrong-password-of-this-test"});
    let mut said = vec![
        client.post("/api/auth/login", &wrong).text,
        client
            .attempt(
                "POST",
                "/api/auth/login",
                Some("application/json"),
                b"{\"password\":\"wrong-password-of-this-test\"",
            )
            .unwrap()
            .text,
        client
            .bearer(&format!("{}x", admin.token()))
            .get("/api/users/me")
            .text,
        client
            .with("x-api-key", &format!("{key}x"))
            .get("/api/referrals")
            .text,
        client
            .post(
                "/api/auth/refresh",
                &json!({"refreshToken": format!("{}x", session["refreshToken"])}),
            )
            .text,
        admin.get("/api/admin/keys").text,
        admin.get("/api/users/me").text,
        hook.text.clone(),
        recruiter.get("/api/webhooks").text,
        recruiter.get(&deliveries).text,
        recruiter.patch(place, &json!({"secret": "x"})).text,
    ];
    for path in [
        "/metrics",
        "/health",
        "/ready",
        "/api/health",
        "/api/health/cache",
        "/nothing",
        "/docs",
    ] {
        said.push(client.get(path).text);
    }
    said.push(host.log());
    assert!(
        said.iter().any(|text| text.contains("SLOW REQUEST")),
        "the log was on"
    );
    for (at, text) in said.iter().enumerate() {
        for secret in secrets {
            assert!(!text.contains(secret), "{secret} is in answer {at}: {text}");
        }
    }
}

#[test]
fn a_password_in_an_address_is_not_told_where_the_server_is_away() {
    let host = Setup::embedded()
        .env(
            "MONGODB_URI",
            "mongodb://someone:hunter2-of-mongo@127.0.0.1:1/trm",
        )
        .env("REDIS_URL", "redis://:hunter2-of-redis@127.0.0.1:1/0")
        .env("LOG_LEVEL", "debug")
        .without_sample()
        .start();
    for _ in 0..3 {
        let refused = host.client.get("/api/jobs/650000000300000000000001");
        assert_eq!(refused.status, 503, "{}", refused.text);
    }
    // Both are tried, and said to be away.
    for away in ["MongoDB does not answer", "Redis cannot be followed"] {
        eventually(away, Duration::from_secs(20), || host.log().contains(away));
    }
    let all = [
        host.log(),
        host.client.get("/ready").text,
        host.client.get("/api/health").text,
        host.client.get("/metrics").text,
        host.client.get("/api/jobs/650000000300000000000001").text,
    ];
    for text in all {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_request_is_followed_for_the_console_and_for_nobody_else() {
    let token = "a token of a test";
    let host = Setup::embedded().env("TRM_CONSOLE_TOKEN", token).ready();
    let job = "/api/jobs/650000000300000000000001";
    let timing = |client: &Client| client.get(job).header("server-timing").to_owned();
    let client = &host.client;
    for guessed in ["", "1", "00000000000000000000000000000000"] {
        assert_eq!(timing(&client.with("trm-follow", guessed)), "");
    }
    let told = |client: &Client| client.get("/console/signed-in").json()["followKey"].clone();
    assert_eq!(told(client), serde_json::Value::Null);
    let page = client.with("x-trm-console", "1");
    let signed_in = page
        .with("x-console-token", token)
        .call("POST", "/console/sign-in");
    let cookie = signed_in
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let key = told(&page.with("cookie", &cookie));
    let followed = client.with("trm-follow", key.as_str().unwrap());
    // One that no cache holds yet, so that the function runs.
    let answer = followed.get("/api/jobs/650000000300000000000003");
    let timing = answer.header("server-timing");
    assert!(
        timing.contains("guest;dur=") && timing.contains("documents.find-one;dur="),
        "{timing}"
    );
    let off = Setup::embedded().ready();
    assert_eq!(off.client.get("/console/signed-in").status, 404);
}
