//! Every route of the marketplace, on both stores: right data, right refusals; times nothing.

use harness::client::Client;
use harness::given;
use harness::host::{Host, Setup};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const JOB: &str = "650000000300000000000001";
const COMPANY: &str = "650000000100000000000001";
const USER: &str = "650000000200000000000001";
const NOBODY: &str = "65000000ff00000000000001";

fn everywhere(check: impl Fn(&Client)) {
    for setup in Setup::everywhere() {
        check(&setup.ready().client.demo("admin"));
    }
}

fn on_servers() -> Host {
    Setup::on_servers(&given("TEST_MONGODB_URI"), &given("TEST_REDIS_URL")).ready()
}

fn new_job() -> Value {
    json!({
        "companyId": COMPANY, "title": "Lighthouse Keeper", "description": "Keeps the light.",
        "location": {"city": "Lisbon", "country": "PT"},
        "salary": {"min": 3_000_000, "max": 4_000_000, "currency": "EUR"}, "tags": ["sea"],
    })
}

/// Asserts a refusal: its status, and that it names the fault.
fn refused(answer: &harness::client::Answer, status: u16, names: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.json()["status"], status);
    assert!(
        answer.text.contains(names),
        "{names} is not in {}",
        answer.text
    );
}

fn ids(list: &Value) -> Vec<String> {
    let data = list["data"].as_array().unwrap();
    data.iter()
        .map(|entry| entry["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_job_lives_from_post_to_delete() {
    everywhere(|client| {
        let before = client.get("/api/jobs?city=Lisbon&sort=-createdAt").json();
        let created = client.post("/api/jobs", &new_job());
        assert_eq!(created.status, 201, "{}", created.text);
        let place = created.header("location").to_owned();
        let job = created.json();
        assert_eq!(place, format!("/api/jobs/{}", job["id"].as_str().unwrap()));
        assert_eq!(
            (&job["status"], &job["location"]["remote"]),
            (&json!("active"), &json!(false))
        );
        assert_eq!(client.get(&place).json(), job);

        let after = client.get("/api/jobs?city=Lisbon&sort=-createdAt").json();
        assert_eq!(
            after["total"].as_u64().unwrap(),
            before["total"].as_u64().unwrap() + 1
        );
        assert_eq!(after["data"][0]["id"], job["id"]);

        let patched = client.patch(&place, &json!({"title": "Head Keeper", "status": "paused"}));
        assert_eq!(patched.status, 200, "{}", patched.text);
        let read = client.get(&place).json();
        assert_eq!(
            (&read["title"], &read["status"]),
            (&json!("Head Keeper"), &json!("paused"))
        );
        assert_eq!(read["salary"], job["salary"]);
        let listed = client.get("/api/jobs?city=Lisbon&sort=-createdAt").json();
        assert_eq!(
            listed["total"], before["total"],
            "a paused job is no longer listed"
        );

        assert_eq!(client.call("DELETE", &place).status, 204);
        refused(&client.get(&place), 404, "there is no job");
        refused(&client.call("DELETE", &place), 404, "there is no job");
    });
}

#[test]
fn lists_page_to_the_end_by_number_and_by_cursor_alike() {
    everywhere(|client| {
        let base = "/api/jobs?status=all&limit=100&sort=salary.min,-title&fields=title";
        let first = client.get(base).json();
        let total = first["total"].as_u64().unwrap() as usize;
        assert!(total >= 1_000, "{total}");
        let mut by_number = Vec::new();
        for page in 1..=total.div_ceil(100) {
            by_number.extend(ids(&client.get(&format!("{base}&page={page}")).json()));
        }
        let (mut by_cursor, mut list) = (ids(&first), first);
        while let Some(next) = list["next"].as_str() {
            list = client.get(&format!("{base}&cursor={next}")).json();
            by_cursor.extend(ids(&list));
        }
        assert_eq!(by_cursor.len(), total);
        assert_eq!(
            by_cursor.iter().collect::<BTreeSet<_>>().len(),
            total,
            "a job came twice"
        );
        assert_eq!(
            by_number.iter().collect::<BTreeSet<_>>(),
            by_cursor.iter().collect::<BTreeSet<_>>()
        );
    });
}

#[test]
fn filters_sorting_and_fields_do_what_they_say() {
    everywhere(|client| {
        let list = client
            .get("/api/jobs?city=Berlin&limit=100&sort=-createdAt")
            .json();
        let jobs = list["data"].as_array().unwrap();
        assert!(jobs.len() > 20);
        assert!(jobs.iter().all(|job| job["location"]["city"] == "Berlin"));
        assert!(jobs.iter().all(|job| job["status"] == "active"));
        let dates: Vec<_> = jobs
            .iter()
            .map(|job| job["createdAt"].as_str().unwrap())
            .collect();
        assert!(dates.windows(2).all(|pair| pair[0] >= pair[1]));

        let list = client.get("/api/jobs?fields=title,salary&limit=1").json();
        let names: Vec<_> = list["data"][0]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        assert_eq!(names, ["id", "salary", "title"]);

        let path = format!("/api/companies/{COMPANY}/jobs?status=all&limit=100");
        let list = client.get(&path).json();
        let jobs = list["data"].as_array().unwrap();
        assert!(!jobs.is_empty() && jobs.iter().all(|job| job["companyId"] == COMPANY));
        let same = client.get(&format!(
            "/api/jobs?companyId={COMPANY}&status=all&limit=100"
        ));
        assert_eq!(same.json()["total"], list["total"]);
    });
}

#[test]
fn a_search_pages_by_its_links_to_the_end_in_the_order_of_its_score() {
    everywhere(|client| {
        let mut at = "/api/jobs/search?q=engineer&fields=title&limit=3".to_owned();
        let (mut seen, mut scores) = (BTreeSet::new(), Vec::new());
        let total = client.get(&at).json()["total"].as_u64().unwrap();
        assert!(total > 6, "the sample data has {total} engineers");
        loop {
            let answer = client.get(&at);
            let page = answer.json();
            for job in page["data"].as_array().unwrap() {
                let fields: Vec<_> = job.as_object().unwrap().keys().collect();
                assert_eq!(fields, ["id", "score", "title"], "{job}");
                scores.push(job["score"].as_f64().unwrap());
            }
            seen.extend(ids(&page));
            let links = answer.header("link");
            let next = links
                .split(", ")
                .find(|link| link.ends_with("rel=\"next\""));
            let Some(next) = next else { break };
            at = next[1..next.find('>').unwrap()].to_owned();
        }
        assert_eq!((scores.len() as u64, seen.len() as u64), (total, total));
        assert!(scores.is_sorted_by(|one, two| one >= two), "{scores:?}");
        refused(
            &client.get("/api/jobs/search?q=a&fields=secret"),
            400,
            "secret",
        );
    });
}

#[test]
fn a_profile_is_public_but_the_mail_address_is_not() {
    everywhere(|client| {
        let user = client.get(&format!("/api/users/{USER}"));
        assert_eq!(user.status, 200);
        let profile = user.json();
        assert!(
            profile["referrerProfile"]["inviteCode"]
                .as_str()
                .unwrap()
                .starts_with("TRM-")
        );
        assert!(!user.text.contains('@'), "{}", user.text);
        refused(
            &client.get(&format!("/api/users/{NOBODY}")),
            404,
            "there is no user",
        );
    });
}

#[test]
fn the_leaderboard_is_ranked_and_the_same_on_both_stores() {
    let embedded = Setup::embedded().ready();
    let servers = on_servers();
    let board = embedded
        .client
        .get("/api/referrals/leaderboard?limit=100")
        .json();
    assert_eq!(
        board,
        servers
            .client
            .get("/api/referrals/leaderboard?limit=100")
            .json()
    );
    let rows = board["data"].as_array().unwrap();
    assert_eq!(rows.len(), 100);
    let order: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                -row["count"].as_i64().unwrap(),
                row["referrerId"].as_str().unwrap(),
            )
        })
        .collect();
    assert!(order.is_sorted() && rows.iter().all(|row| row["name"].is_string()));
    let ten = embedded.client.get("/api/referrals/leaderboard").json();
    assert_eq!(ten["data"].as_array().unwrap()[..], rows[..10]);
}

#[test]
fn what_cannot_be_right_is_refused_and_named() {
    everywhere(|client| {
        for (path, names) in [
            ("/api/jobs?colour=red", "\"parameter\":\"colour\""),
            ("/api/jobs?page=0", "\"parameter\":\"page\""),
            ("/api/jobs?limit=101", "\"parameter\":\"limit\""),
            ("/api/jobs?page=1&page=2", "given twice"),
            ("/api/jobs?status=open", "\"parameter\":\"status\""),
            ("/api/jobs?sort=secret", "\"parameter\":\"sort\""),
            ("/api/jobs?fields=secret", "\"parameter\":\"fields\""),
            ("/api/jobs?companyId=x", "\"parameter\":\"companyId\""),
            ("/api/jobs/not-an-id", "24 hexadecimal"),
            ("/api/users/xyz", "24 hexadecimal"),
            (
                "/api/referrals/leaderboard?limit=0",
                "\"parameter\":\"limit\"",
            ),
        ] {
            refused(&client.get(path), 400, names);
        }
        for (path, names) in [
            ("/api/jobs?cursor=garbage", "\"parameter\":\"cursor\""),
            ("/api/jobs?cursor=x&page=2", "not both"),
        ] {
            refused(&client.get(path), 422, names);
        }
        refused(
            &client.get(&format!("/api/companies/{NOBODY}/jobs")),
            404,
            "no company",
        );
        let put = client.call("PUT", &format!("/api/jobs/{JOB}"));
        refused(&put, 405, "GET, HEAD, PATCH, DELETE");
        assert_eq!(put.header("allow"), "GET, HEAD, PATCH, DELETE");
    });
}

#[test]
fn a_body_that_breaks_a_rule_is_refused_at_its_place() {
    everywhere(|client| {
        let raw = |body: &str, kind: &str| {
            client
                .attempt("POST", "/api/jobs", Some(kind), body.as_bytes())
                .unwrap()
        };
        refused(&raw("{\n\"title\": ", "application/json"), 400, "line 2");
        refused(&raw("{}", "text/plain"), 415, "application/json");
        let mut rules: BTreeMap<&str, (Value, u16)> = BTreeMap::new();
        rules.insert("/title", (json!("ab"), 422));
        rules.insert("/salary/max", (json!(1), 422));
        rules.insert("/location/country", (json!("Portugal"), 422));
        rules.insert("/companyId", (json!(NOBODY), 422));
        rules.insert("/salary/min", (json!("much"), 400));
        rules.insert("/perks", (json!("many"), 400));
        for (pointer, (value, status)) in rules {
            let mut job = new_job();
            match pointer.trim_start_matches('/').split_once('/') {
                Some((outer, inner)) => job[outer][inner] = value,
                None => job[pointer.trim_start_matches('/')] = value,
            }
            refused(
                &client.post("/api/jobs", &job),
                status,
                &format!("\"pointer\":\"{pointer}\""),
            );
        }
        let path = format!("/api/jobs/{JOB}");
        refused(&client.patch(&path, &json!({})), 422, "at least one field");
        refused(&client.patch(&path, &json!({"title": null})), 400, "/title");
    });
}

#[test]
fn the_host_itself_refuses_what_no_function_sees() {
    let host = Setup::embedded().ready();
    refused(&host.client.get("/api/nothing"), 404, "/api/nothing");
    let large = json!({"description": "x".repeat(2 << 20)});
    let path = format!("/api/jobs/{JOB}");
    let sent = host.client.demo("admin").patch(&path, &large);
    refused(&sent, 413, "1048576 bytes");
}

#[test]
fn a_head_request_gets_the_head_alone() {
    let host = Setup::embedded().ready();
    let path = format!("/api/jobs/{JOB}");
    let (head, get) = (host.client.call("HEAD", &path), host.client.get(&path));
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), get.text.len().to_string());
}

#[test]
fn what_only_a_host_may_say_is_not_taken_from_a_client() {
    everywhere(|client| {
        let forging = client.with("spin-path-match-id", JOB);
        let path = format!("/api/jobs/{}", &JOB[..23]);
        refused(&forging.get(&path), 400, &JOB[..23]);
        let other = client.get("/api/jobs?limit=1").json()["data"][0]["id"].clone();
        let path = format!("/api/jobs/{}", other.as_str().unwrap());
        assert_eq!(forging.get(&path).json()["id"], other);
    });
}
