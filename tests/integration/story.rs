//! The marketplace as new users live it, through HTTP alone: once, and fifty times at once; on both stores.

use harness::client::Client;
use harness::eventually;
use harness::host::Setup;
use harness::receiver::{Received, Receiver};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2_11::Sha256;
use std::collections::BTreeMap;
use std::time::Duration;

/// What one telling has left behind.
struct Told {
    job: String,
    referral: String,
    payouts: BTreeMap<String, u64>,
}

fn expect(answer: &harness::client::Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text);
    if answer.text.is_empty() {
        Value::Null
    } else {
        answer.json()
    }
}

/// Registers, signs in, and says who one is.
fn join(client: &Client, email: &str, more: &Value) -> (Client, Value) {
    let mut body = json!({"email": email, "password": "a long enough one", "name": email});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    expect(&client.post("/api/auth/register", &body), 202);
    let client = client.signed_in(email, "a long enough one");
    let me = expect(&client.get("/api/users/me"), 200);
    (client, me)
}

/// A company posts a job; a referrer invites another, who refers a candidate; the candidate is hired and
/// stays; both payouts appear and are approved.
fn tell(host: &Client, admin: &Client, hook: &str, nth: u32) -> Told {
    let (recruiter, _) = join(
        host,
        &format!("boss{nth}@story.example"),
        &json!({"role": "recruiter"}),
    );
    let company = json!({
        "name": format!("Story {nth}"), "industry": "Stories", "size": "1-10",
        "location": {"city": "Lyon", "country": "FR"},
    });
    let company = expect(&recruiter.post("/api/companies", &company), 201);
    let hook = json!({"url": hook, "events": ["referral.created", "referral.moved"]});
    expect(&recruiter.post("/api/webhooks", &hook), 201);
    let job = json!({
        "companyId": company["id"], "title": format!("Teller {nth}"), "description": "Tells stories.",
        "location": {"city": "Lyon", "country": "FR"},
        "salary": {"min": 4_000_000, "max": 5_000_000, "currency": "EUR"},
        "referralBonus": {"amount": 100_005, "currency": "EUR"},
    });
    let job = expect(&recruiter.post("/api/jobs", &job), 201);
    let (parent, parents) = join(host, &format!("parent{nth}@story.example"), &json!({}));
    let code = &parents["referrerProfile"]["inviteCode"];
    let (referrer, own) = join(
        host,
        &format!("child{nth}@story.example"),
        &json!({"inviteCode": code}),
    );
    let body = json!({
        "jobId": job["id"], "candidate": {"name": "Cal", "email": format!("cal{nth}@story.example")},
    });
    let referral = expect(&referrer.post("/api/referrals", &body), 201);
    let id = referral["id"].as_str().unwrap().to_owned();
    for to in ["reviewing", "interviewing", "hired", "completed"] {
        let moves = format!("/api/referrals/{id}/transitions");
        expect(&recruiter.post(&moves, &json!({"to": to})), 200);
    }
    let mut payouts = BTreeMap::new();
    for (client, share, amount) in [(&referrer, "referrer", 90_005), (&parent, "parent", 10_000)] {
        let list = expect(&client.get("/api/payouts"), 200);
        assert_eq!(list["total"], 1, "{list}");
        let payout = &list["data"][0];
        assert_eq!(
            (&payout["share"], &payout["amount"]),
            (&json!(share), &json!(amount))
        );
        let place = format!(
            "/api/payouts/{}/transitions",
            payout["id"].as_str().unwrap()
        );
        assert_eq!(client.post(&place, &json!({"to": "approved"})).status, 403);
        expect(&admin.post(&place, &json!({"to": "approved"})), 200);
        assert_eq!(admin.post(&place, &json!({"to": "approved"})).status, 409);
        expect(&admin.post(&place, &json!({"to": "paid"})), 200);
        let totals = expect(&client.get("/api/payouts/totals"), 200);
        assert_eq!(totals["data"][0]["amount"], amount, "{totals}");
        assert_eq!(totals["data"][0]["status"], "paid", "{totals}");
        payouts.insert(payout["id"].as_str().unwrap().to_owned(), amount);
    }
    let network = format!("/api/users/{}/network", parents["id"].as_str().unwrap());
    let network = expect(&parent.get(&network), 200);
    assert_eq!(network["totals"]["members"], 1, "{network}");
    assert_eq!(network["children"][0]["id"], own["id"], "{network}");
    assert_eq!(network["totals"]["completedReferrals"], 1, "{network}");
    let job = job["id"].as_str().unwrap().to_owned();
    Told {
        job,
        referral: id,
        payouts,
    }
}

/// The signature as a receiver verifies it, written here from the description and not from the sender.
fn is_signed(received: &Received, secret: &str) -> bool {
    let header = &received.headers["trm-signature"];
    let (at, signature) = header.split_once(",v1=").unwrap();
    let mut mac: Hmac<Sha256> = Hmac::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{}.{}", at.trim_start_matches("t="), received.body).as_bytes());
    let computed: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    computed == signature
}

/// The sum over all series of a metric.
fn sum(metrics: &str, name: &str) -> f64 {
    let series = metrics.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        rest.starts_with(['{', ' '])
            .then(|| rest.rsplit(' ').next())?
    });
    series.map(|value| value.parse::<f64>().unwrap()).sum()
}

#[test]
fn the_story_once_with_every_signature_verified() {
    for setup in Setup::everywhere() {
        let receiver = Receiver::start(1);
        let host = setup.env("WEBHOOK_HOST", &receiver.url).ready();
        let admin = host.client.demo("admin");
        let everything = json!({
            "url": format!("{}/all", receiver.url),
            "events": ["referral.created", "referral.moved", "payout.created", "payout.paid"],
        });
        let all = expect(&admin.post("/api/webhooks", &everything), 201);
        let place = format!("/api/webhooks/{}", all["id"].as_str().unwrap());
        let secret = expect(&admin.get(&place), 200)["secret"]
            .as_str()
            .unwrap()
            .to_owned();
        let told = tell(
            &host.client,
            &admin,
            &format!("{}/company", receiver.url),
            0,
        );
        assert_eq!(told.payouts.values().sum::<u64>(), 100_005);
        // Five for the company; nine for the admin: created, four moves, two payouts made, two paid.
        let arrived = || {
            receiver
                .received()
                .iter()
                .filter(|one| one.status == 204)
                .count()
        };
        eventually("every event has arrived", Duration::from_secs(40), || {
            arrived() == 14
        });
        let of_all: Vec<_> = receiver
            .received()
            .into_iter()
            .filter(|received| is_signed(received, &secret))
            .collect();
        let delivered = of_all.iter().filter(|received| received.status == 204);
        let mut kinds: Vec<_> = delivered
            .map(|received| received.headers["trm-event"].clone())
            .collect();
        kinds.sort_unstable();
        assert_eq!(
            kinds[..2],
            ["payout.created", "payout.created"],
            "{kinds:?}"
        );
        assert_eq!(kinds.len(), 9, "{kinds:?}");
        let forged = Received {
            body: of_all[0].body.replace('{', "{ "),
            ..of_all[0].clone()
        };
        assert!(!is_signed(&forged, &secret));
        // The one that was refused was sent again, and is the same delivery.
        let received = receiver.received();
        let refused = received.iter().find(|one| one.status == 500).unwrap();
        let again = |one: &&Received| {
            one.status == 204 && one.headers["trm-delivery"] == refused.headers["trm-delivery"]
        };
        assert_eq!(received.iter().filter(again).count(), 1);
        let settled = || {
            let list = admin
                .get(&format!("{place}/deliveries?state=delivered&limit=100"))
                .json();
            list["total"] == 9
        };
        eventually(
            "every delivery is settled",
            Duration::from_secs(10),
            settled,
        );
        // One referral was made, and two payouts were paid.
        let metrics = host.client.get("/metrics").text;
        for (name, expected) in [
            ("trm_business_referral_created_total", 1.0),
            ("trm_business_payout_processing_time_seconds_count", 2.0),
        ] {
            assert_eq!(sum(&metrics, name), expected, "{name} in {metrics}");
        }
    }
}

#[test]
fn the_story_without_its_deliveries() {
    for setup in Setup::everywhere() {
        let host = setup.ready();
        let hook = "https://hooks.example/story";
        let told = tell(&host.client, &host.client.demo("admin"), hook, 0);
        assert_eq!(told.payouts.values().sum::<u64>(), 100_005);
    }
}

#[test]
fn the_story_fifty_times_at_once_with_nothing_lost_or_doubled() {
    for setup in Setup::everywhere() {
        let receiver = Receiver::start(0);
        let host = setup.env("WEBHOOK_HOST", &receiver.url).ready();
        let admin = host.client.demo("admin");
        let stories: Vec<_> = (0..50)
            .map(|nth| {
                let (client, admin, hook) =
                    (host.client.clone(), admin.clone(), receiver.url.clone());
                std::thread::spawn(move || tell(&client, &admin, &hook, nth))
            })
            .collect();
        let told: Vec<Told> = stories
            .into_iter()
            .map(|story| story.join().unwrap())
            .collect();
        let mut payouts = BTreeMap::new();
        for Told {
            payouts: own,
            job,
            referral,
        } in &told
        {
            payouts.extend(own.clone());
            let counts = expect(&admin.get(&format!("/api/jobs/{job}/referral-counts")), 200);
            assert_eq!(
                (&counts["total"], &counts["counts"]["completed"]),
                (&json!(1), &json!(1))
            );
            let list = expect(
                &admin.get(&format!("/api/payouts?referralId={referral}")),
                200,
            );
            assert_eq!(list["total"], 2, "{list}");
        }
        assert_eq!(
            (payouts.len(), payouts.values().sum::<u64>()),
            (100, 50 * 100_005)
        );
        // Five deliveries a story, each at least once, and none of anything else.
        let arrived = || {
            let received = receiver.received();
            let ids = received
                .iter()
                .map(|one| one.headers["trm-delivery"].clone());
            ids.collect::<std::collections::BTreeSet<_>>().len()
        };
        eventually("every event has arrived", Duration::from_secs(60), || {
            arrived() == 250
        });
    }
}
