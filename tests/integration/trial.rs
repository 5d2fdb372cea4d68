//! Functions called by `trm_testing`, recorded and replayed, as a team's own tests do it; serves nothing.

use harness::folder;
use harness::host::Setup;
use harness::root;
use serde_json::Value;
use std::process::Output;
use trm_testing::{Request, Trial, json};

const JOB: &str = "/api/jobs/650000000300000000000001";
/// 2026-01-02 03:04:05 UTC.
const AT: u64 = 1_767_323_045_000;

#[test]
fn a_function_answers_and_tells_what_it_asked() {
    let mut trm = Trial::new();
    trm.sample();
    let answer = trm.get(JOB);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let calls: Vec<&str> = answer.calls.iter().map(|one| one.call.as_str()).collect();
    assert_eq!(
        calls,
        ["cache.get-or-fill", "documents.find-one", "cache.complete"]
    );
    let found = answer.asked("documents.find-one")[0];
    assert_eq!(found.arguments[0], "jobs");
    let document = &found.answer.as_ref().unwrap()["Ok"]["$document"];
    assert_eq!(document["title"], answer.json()["title"]);
    assert!(found.took_us.is_some());

    let none = trm.get("/api/jobs/6500000003000000ffffffff");
    assert_eq!(
        (none.status, none.json()["status"].clone()),
        (404, json!(404))
    );
    assert_eq!(trm.get("/api/nowhere").status, 404);
    let put = trm.call(Request::new("PUT", JOB));
    assert_eq!(
        (put.status, put.header("allow")),
        (405, Some("GET, HEAD, PATCH, DELETE"))
    );
}

#[test]
fn calls_are_answered_as_a_test_says() {
    let mut trm = Trial::new();
    trm.fake("documents.find-one", json!({"Err": {"Unavailable": 1_500}}));
    let away = trm.get(JOB);
    assert_eq!((away.status, away.header("retry-after")), (503, Some("2")));

    let document = json!({"_id": {"$oid": "650000000300000000000001"}, "title": "Faked", "status": "open", "revision": 1});
    trm.fake_for(
        "documents.find-one",
        [json!("jobs")],
        trm_testing::found(document),
    );
    let answer = trm.get(JOB);
    assert_eq!(
        (answer.status, &answer.json()["title"]),
        (200, &json!("Faked")),
        "{}",
        answer.body
    );

    trm.hang("documents.find-one");
    let late = trm.get("/api/jobs/650000000300000000000002");
    assert_eq!(late.status, 504, "{}", late.body);
    let hung = late.asked("documents.find-one")[0];
    assert_eq!((&hung.answer, hung.took_us), (&None, None));

    trm.unfake();
    trm.insert("jobs", [json!({"_id": {"$oid": "650000000300000000000003"}, "title": "Kept", "status": "open", "revision": 1})]);
    let kept = trm.get("/api/jobs/650000000300000000000003");
    assert_eq!((kept.status, &kept.json()["title"]), (200, &json!("Kept")));
}

#[test]
fn time_stands_still_for_who_asks_for_it() {
    let mut trm = Trial::at(AT);
    trm.sample();
    let account = json!({"email": "admin@demo.example", "password": "demo-password"});
    let signed_in = trm.post("/api/auth/login", &account);
    assert_eq!(signed_in.status, 200, "{}", signed_in.body);
    let token = signed_in.json()["accessToken"].as_str().unwrap().to_owned();
    let job = json!({"companyId": "650000000100000000000001", "title": "Clock Keeper", "description": "Keeps the clocks.", "location": {"city": "Lisbon", "country": "PT"},
        "salary": {"min": 3_000_000, "max": 4_000_000, "currency": "EUR"}, "tags": ["time"]});
    let request = Request::new("POST", "/api/jobs").json(&job);
    let made = trm.call(request.header("authorization", &format!("Bearer {token}")));
    assert_eq!(made.status, 201, "{}", made.body);
    let kept = trm.documents("jobs", json!({"title": "Clock Keeper"}));
    assert_eq!(kept.len(), 1);
    assert_eq!(
        kept[0]["createdAt"],
        json!({"$date": "2026-01-02T03:04:05Z"})
    );
}

#[test]
#[should_panic(expected = "is not a document")]
fn a_fault_of_the_test_itself_fails_it() {
    Trial::new().insert("jobs", [json!("no document")]);
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_request_is_recorded_and_runs_again_without_its_store() {
    let setup = Setup::embedded().env("TRM_BUILT", "1");
    assert!(setup.run("sample").status.success());
    let file = folder("recording").join("job.json");
    let path = file.to_str().unwrap();
    let recorded = setup.run_with(
        "record",
        &["GET", JOB, "-H", "accept: application/json", "--out", path],
    );
    assert!(
        said(&recorded).contains("200 by jobs-by-id, 3 calls"),
        "{}",
        said(&recorded)
    );
    let again = setup.run_with("record", &["GET", JOB, "--out", path]);
    assert!(!again.status.success() && said(&again).contains("cannot be written"));

    // Elsewhere there is nothing in the store.
    let elsewhere = Setup::embedded().env("TRM_BUILT", "1");
    let replayed = elsewhere.run_with("replay", &[path]);
    assert!(replayed.status.success(), "{}", said(&replayed));
    assert!(said(&replayed).contains("200, 3 calls, as recorded"));

    let text = std::fs::read_to_string(&file).unwrap();
    let mut recording: Value = serde_json::from_str(&text).unwrap();
    let mut changed = |pointer: &str, value: Value, fault: &str| {
        let before = std::mem::replace(recording.pointer_mut(pointer).unwrap(), value);
        std::fs::write(&file, recording.to_string()).unwrap();
        *recording.pointer_mut(pointer).unwrap() = before;
        let replayed = elsewhere.run_with("replay", &[path]);
        assert!(!replayed.status.success(), "{}", said(&replayed));
        assert!(said(&replayed).contains(fault), "{}", said(&replayed));
    };
    changed(
        "/answer/status",
        json!(500),
        "the status was 500, and is 200",
    );
    changed(
        "/seen/calls/1/arguments/0",
        json!("users"),
        "it asked for what is not recorded: documents.find-one",
    );
    changed("/version", json!(9), "it has the form 9");
    changed("/function", json!("gone"), "there is no [component.gone]");
}

#[test]
fn a_recording_is_a_test_of_its_own() {
    let setup = Setup::embedded().env("TRM_BUILT", "1");
    assert!(setup.run("sample").status.success());
    let file = folder("recording").join("leaderboard.json");
    let path = file.to_str().unwrap();
    let recorded = setup.run_with(
        "record",
        &["GET", "/api/referrals/leaderboard", "--out", path],
    );
    assert!(recorded.status.success(), "{}", said(&recorded));
    assert!(root().join("spin.toml").exists());
    trm_testing::replay(path);
}
