//! Writes that meet: keys that are sent twice, revisions that are old, hosts that die between; on both stores.

use harness::client::Client;
use harness::host::Setup;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const JOB: &str = "/api/jobs/650000000300000000000001";
const COMPANY: &str = "650000000100000000000001";

fn job(title: &str) -> Value {
    json!({
        "companyId": COMPANY, "title": title, "description": "Keeps the light.",
        "location": {"city": "Lisbon", "country": "PT"},
        "salary": {"min": 1, "max": 2, "currency": "EUR"},
        "referralBonus": {"amount": 1_015, "currency": "EUR"},
    })
}

fn total(client: &Client, path: &str) -> u64 {
    client.get(path).json()["total"].as_u64().unwrap()
}

#[test]
fn one_key_is_one_write_also_at_the_same_time() {
    for setup in Setup::everywhere() {
        let host = setup.ready();
        let admin = host.client.demo("admin");
        let keyed = admin.with("idempotency-key", "the key of this test");
        assert_eq!(
            keyed.post("/api/jobs", &job("Not made")).status,
            400,
            "spaces are not visible"
        );
        let before = total(&admin, "/api/jobs?city=Lisbon");
        let keyed = admin.with("idempotency-key", "one");
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let keyed = keyed.clone();
                std::thread::spawn(move || keyed.post("/api/jobs", &job("Keeper of the key")))
            })
            .collect();
        let answers: Vec<_> = threads.into_iter().map(|one| one.join().unwrap()).collect();
        let made: BTreeSet<_> = answers.iter().map(|answer| answer.text.clone()).collect();
        assert!(
            answers.iter().all(|answer| answer.status == 201),
            "{answers:?}"
        );
        assert_eq!(made.len(), 1, "{made:?}");
        assert_eq!(total(&admin, "/api/jobs?city=Lisbon"), before + 1);
        let again = keyed.post("/api/jobs", &job("Keeper of the key"));
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(again.header("location"), answers[0].header("location"));
        let other = keyed.post("/api/jobs", &job("Something else"));
        assert_eq!(other.status, 422, "{}", other.text);
        // Another caller's key of the same name is another key.
        let recruiter = host.client.demo("recruiter").with("idempotency-key", "one");
        assert_eq!(
            recruiter
                .post("/api/jobs", &job("Keeper of the key"))
                .status,
            201
        );
    }
}

#[test]
fn a_key_is_kept_for_every_post_that_lists_it() {
    for setup in Setup::everywhere() {
        let host = setup.ready();
        let account = json!({
            "email": "new@users.example", "password": "a long password", "name": "Nell", "role": "recruiter",
        });
        assert_eq!(host.client.post("/api/auth/register", &account).status, 202);
        let signed_in = host
            .client
            .signed_in("new@users.example", "a long password");
        let keyed = signed_in.with("idempotency-key", "two");
        let profile = "/api/users/me/referrer-profile";
        let made = keyed.post(profile, &json!({}));
        assert_eq!(made.status, 201, "{}", made.text);
        let again = keyed.post(profile, &json!({}));
        assert_eq!((again.status, &again.text), (201, &made.text));
        assert_eq!(again.header("idempotency-replayed"), "true");
        let other = signed_in.post(profile, &json!({}));
        assert_eq!(other.status, 409, "{}", other.text);
    }
}

#[test]
fn a_change_that_was_made_for_an_old_revision_is_refused() {
    for setup in Setup::everywhere() {
        let host = setup.ready();
        let admin = host.client.demo("admin");
        let read = admin.get(JOB);
        let tag = read.header("etag").to_owned();
        assert_eq!(tag, format!("\"{}\"", read.json()["revision"]));
        let known = admin.with("if-none-match", &tag).get(JOB);
        assert_eq!((known.status, known.text.as_str()), (304, ""));
        let careful = admin.with("if-match", &tag);
        let first = careful.patch(JOB, &json!({"title": "The first change"}));
        assert_eq!(first.status, 200, "{}", first.text);
        assert_ne!(first.header("etag"), tag);
        let lost = careful.patch(JOB, &json!({"title": "The lost change"}));
        assert_eq!(lost.status, 412, "{}", lost.text);
        assert_eq!(admin.get(JOB).json()["title"], "The first change");
        assert_eq!(careful.call("DELETE", JOB).status, 412);

        // Of many at one time for one revision exactly one is made.
        let tag = admin.get(JOB).header("etag").to_owned();
        let threads: Vec<_> = (0..8)
            .map(|at| {
                let careful = admin.with("if-match", &tag);
                std::thread::spawn(move || {
                    careful
                        .patch(JOB, &json!({"title": format!("Change number {at}")}))
                        .status
                })
            })
            .collect();
        let mut statuses: Vec<_> = threads.into_iter().map(|one| one.join().unwrap()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412]);
    }
}

#[test]
fn a_candidate_is_referred_once_for_a_job_and_an_illegal_move_changes_nothing() {
    for setup in Setup::everywhere() {
        let host = setup.ready();
        let (admin, referrer) = (host.client.demo("admin"), host.client.demo("referrer"));
        let job = admin.post("/api/jobs", &job("Lamp Trimmer")).json();
        let refer = |email: &str| {
            let body = json!({"jobId": job["id"], "candidate": {"name": "Cal", "email": email}});
            referrer.post("/api/referrals", &body)
        };
        let made = refer("cal@candidates.example");
        assert_eq!(made.status, 201, "{}", made.text);
        let twice = refer("CAL@candidates.example");
        assert_eq!(twice.status, 409, "{}", twice.text);
        let place = made.header("location").to_owned();
        let moved = |to: &str| admin.post(&format!("{place}/transitions"), &json!({"to": to}));
        for illegal in ["submitted", "hired", "completed"] {
            let answer = moved(illegal);
            assert_eq!(answer.status, 409, "{illegal}: {}", answer.text);
        }
        assert_eq!(referrer.get(&place).json()["status"], "submitted");
        for legal in ["reviewing", "interviewing", "hired", "completed"] {
            assert_eq!(moved(legal).status, 200, "{legal}");
        }
        assert_eq!(moved("completed").status, 409);
        let id = made.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(total(&admin, &format!("/api/payouts?referralId={id}")), 1);
        let counts = admin.get(&format!(
            "/api/jobs/{}/referral-counts",
            job["id"].as_str().unwrap()
        ));
        assert_eq!(counts.json()["counts"]["completed"], 1, "{}", counts.text);
        let close = admin.call(
            "POST",
            &format!("/api/jobs/{}/close", job["id"].as_str().unwrap()),
        );
        assert_eq!(close.status, 200, "{}", close.text);
        assert_eq!(
            refer("dee@candidates.example").status,
            409,
            "a closed job takes none"
        );
    }
}

#[test]
fn a_host_that_is_killed_leaves_a_completion_with_its_payouts_or_without_both() {
    for setup in Setup::everywhere() {
        let mut host = setup.ready();
        let mut admin = host.client.demo("admin");
        let job = admin.post("/api/jobs", &job("Lamp Lighter")).json();
        let referrer = host.client.demo("referrer");
        let mut hired = Vec::new();
        for at in 0..24 {
            let email = format!("c{at}@candidates.example");
            let body = json!({"jobId": job["id"], "candidate": {"name": "Cal", "email": email}});
            let made = referrer.post("/api/referrals", &body);
            let place = made.header("location").to_owned();
            for to in ["reviewing", "interviewing", "hired"] {
                let answer = admin.post(&format!("{place}/transitions"), &json!({"to": to}));
                assert_eq!(answer.status, 200, "{}", answer.text);
            }
            hired.push(place);
        }
        let mut acknowledged = BTreeSet::new();
        for some in hired.chunks(8) {
            let (answer, answered) = std::sync::mpsc::channel();
            let threads: Vec<_> = some
                .iter()
                .map(|place| {
                    let (admin, place, answer) = (admin.clone(), place.clone(), answer.clone());
                    std::thread::spawn(move || {
                        let moves = format!("{place}/transitions");
                        let to = br#"{"to":"completed"}"#;
                        // Where the host dies before there is no answer.
                        let made = admin.attempt("POST", &moves, Some("application/json"), to);
                        if made.is_ok_and(|made| made.status == 200) {
                            answer.send(place).unwrap();
                        }
                    })
                })
                .collect();
            drop(answer);
            // The host dies while the others are under way.
            acknowledged.insert(answered.recv().expect("one is answered"));
            host.kill();
            for thread in threads {
                thread.join().unwrap();
            }
            acknowledged.extend(answered);
            host = setup.again();
            admin = host.client.demo("admin");
        }
        for place in hired {
            let referral = admin.get(&place).json();
            let id = referral["id"].as_str().unwrap();
            let payouts = total(&admin, &format!("/api/payouts?referralId={id}"));
            let completed = referral["status"] == "completed";
            assert_eq!(payouts, u64::from(completed), "{referral}");
            let told = acknowledged.contains(&place);
            assert!(completed || !told, "what was answered is lost: {referral}");
        }
    }
}
