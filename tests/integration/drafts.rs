//! Jobs in draft: seen by their company and by admins alone, in every list and by themselves, on both stores.

use harness::client::Client;
use harness::host::Setup;
use serde_json::{Value, json};

/// The demo recruiter's company, and another.
const COMPANY: &str = "650000000100000000000001";
const OTHER: &str = "650000000100000000000002";

fn draft(client: &Client, company: &str) -> String {
    let body = json!({
        "companyId": company, "title": "Not yet announced", "description": "Keeps a secret.",
        "location": {"city": "Lisbon", "country": "PT"},
        "salary": {"min": 1, "max": 2, "currency": "EUR"}, "status": "draft",
    });
    let made = client.post("/api/jobs", &body);
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["id"].as_str().unwrap().to_owned()
}

fn ids(list: &Value) -> Vec<&str> {
    let data = list["data"].as_array().unwrap();
    data.iter().filter_map(|job| job["id"].as_str()).collect()
}

#[test]
fn a_draft_is_seen_by_its_company_and_by_admins_alone() {
    for setup in Setup::everywhere() {
        let host = setup.ready();
        let (admin, recruiter) = (host.client.demo("admin"), host.client.demo("recruiter"));
        let referrer = host.client.demo("referrer");
        let (own, foreign) = (draft(&recruiter, COMPANY), draft(&admin, OTHER));
        let status = |client: &Client, path: &str| client.get(path).status;

        for (client, expected) in [
            (&host.client, [404, 404]),
            (&referrer, [404, 404]),
            (&recruiter, [200, 404]),
            (&admin, [200, 200]),
            // What was shown to some is not kept for others.
            (&host.client, [404, 404]),
        ] {
            let seen = [&own, &foreign].map(|id| status(client, &format!("/api/jobs/{id}")));
            assert_eq!(seen, expected);
        }
        assert_eq!(status(&host.client, "/api/jobs?status=draft"), 401);
        assert_eq!(status(&referrer, "/api/jobs?status=draft"), 403);
        let of = |client: &Client, path: &str| client.get(path).json();
        let drafts = "/api/jobs?status=draft&limit=100";
        let list = of(&recruiter, drafts);
        assert!(ids(&list).contains(&own.as_str()), "{list}");
        let others = list["data"].as_array().unwrap();
        assert!(others.iter().all(|job| job["companyId"] == COMPANY));
        let all = of(&admin, drafts);
        assert!(ids(&all).contains(&own.as_str()) && ids(&all).contains(&foreign.as_str()));
        for (client, company, expected) in [
            (&host.client, COMPANY, 401),
            (&referrer, COMPANY, 403),
            (&recruiter, COMPANY, 200),
            (&recruiter, OTHER, 403),
            (&admin, OTHER, 200),
        ] {
            for path in [
                "/api/jobs?status=draft&companyId={}",
                "/api/companies/{}/jobs?status=draft",
            ] {
                let path = path.replace("{}", company);
                assert_eq!(status(client, &path), expected, "{path}");
            }
        }
        // `all` is what anyone may see, whoever asks.
        for client in [&host.client, &recruiter, &admin] {
            for path in ["/api/jobs", &format!("/api/companies/{COMPANY}/jobs")] {
                let all = of(client, &format!("{path}?status=all&limit=100"));
                let jobs = all["data"].as_array().unwrap();
                assert!(!jobs.is_empty() && jobs.iter().all(|job| job["status"] != "draft"));
            }
        }
        // Announced, it is there for everyone, at once.
        let announced = recruiter.patch(&format!("/api/jobs/{own}"), &json!({"status": "active"}));
        assert_eq!(announced.status, 200, "{}", announced.text);
        assert_eq!(status(&host.client, &format!("/api/jobs/{own}")), 200);
        let back = recruiter.patch(&format!("/api/jobs/{own}"), &json!({"status": "draft"}));
        assert_eq!(back.status, 200, "{}", back.text);
        assert_eq!(status(&host.client, &format!("/api/jobs/{own}")), 404);
    }
}
