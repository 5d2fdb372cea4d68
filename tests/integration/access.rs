//! The table of `trm_domain::access` through HTTP: every operation with every role; knows no rule but the table's.

mod calls;
mod world;

use crate::contract::operations;
use crate::contract::statuses;
use calls::call;
use harness::host::Setup;
use serde_json::json;
use std::collections::BTreeSet;
use trm_domain::access::{Action, Reach, Role};
use world::{COMPANY, OTHER_USER as OTHER, World};

/// Each operation and the row of the table that rules it; none for what has no row. One has two rows.
fn rows() -> Vec<(&'static str, &'static str, Option<Action>)> {
    use Action::*;
    vec![
        ("POST", "/api/auth/register", None),
        ("POST", "/api/auth/login", None),
        ("POST", "/api/auth/refresh", None),
        ("POST", "/api/auth/logout", Some(AccountUse)),
        ("GET", "/api/users/me", Some(AccountUse)),
        ("PATCH", "/api/users/me", Some(AccountUse)),
        ("GET", "/api/users/me/referrer-profile", Some(AccountUse)),
        ("POST", "/api/users/me/referrer-profile", Some(AccountUse)),
        ("GET", "/api/users/{id}", Some(ProfileRead)),
        ("PATCH", "/api/users/{id}", Some(AccountChange)),
        ("GET", "/api/users/{id}/referrals", Some(ReferralRead)),
        ("GET", "/api/users/{id}/network", Some(NetworkRead)),
        ("GET", "/api/invites/{code}", Some(InviteRead)),
        ("GET", "/api/companies", Some(CompanyRead)),
        ("POST", "/api/companies", Some(CompanyCreate)),
        ("GET", "/api/companies/{id}", Some(CompanyRead)),
        ("PATCH", "/api/companies/{id}", Some(CompanyChange)),
        ("GET", "/api/companies/{id}/jobs", Some(JobRead)),
        ("GET", "/api/jobs", Some(JobRead)),
        ("POST", "/api/jobs", Some(JobPost)),
        ("GET", "/api/jobs/search", Some(JobRead)),
        ("GET", "/api/jobs/{id}", Some(JobRead)),
        ("PATCH", "/api/jobs/{id}", Some(JobChange)),
        ("DELETE", "/api/jobs/{id}", Some(JobChange)),
        ("POST", "/api/jobs/{id}/close", Some(JobChange)),
        ("GET", "/api/jobs/{id}/referrals", Some(ReferralsOfJob)),
        (
            "GET",
            "/api/jobs/{id}/referral-counts",
            Some(ReferralsOfJob),
        ),
        ("GET", "/api/referrals", Some(ReferralRead)),
        ("POST", "/api/referrals", Some(ReferralCreate)),
        ("GET", "/api/referrals/leaderboard", Some(LeaderboardRead)),
        ("GET", "/api/referrals/{id}", Some(ReferralRead)),
        (
            "POST",
            "/api/referrals/{id}/transitions",
            Some(ReferralMove),
        ),
        (
            "POST",
            "/api/referrals/{id}/transitions",
            Some(ReferralWithdraw),
        ),
        ("GET", "/api/payouts", Some(PayoutRead)),
        ("GET", "/api/payouts/totals", Some(PayoutRead)),
        ("GET", "/api/payouts/{id}", Some(PayoutRead)),
        ("POST", "/api/payouts/{id}/transitions", Some(PayoutDecide)),
        ("GET", "/api/webhooks", Some(WebhookManage)),
        ("POST", "/api/webhooks", Some(WebhookManage)),
        ("GET", "/api/webhooks/{id}", Some(WebhookManage)),
        ("PATCH", "/api/webhooks/{id}", Some(WebhookManage)),
        ("DELETE", "/api/webhooks/{id}", Some(WebhookManage)),
        ("GET", "/api/webhooks/{id}/deliveries", Some(WebhookManage)),
        (
            "POST",
            "/api/deliveries/{id}/redeliver",
            Some(WebhookManage),
        ),
        ("POST", "/api/admin/cache/flush", Some(CacheManage)),
        ("POST", "/api/admin/cache/invalidate", Some(CacheManage)),
        ("GET", "/api/admin/keys", Some(KeyManage)),
        ("POST", "/api/admin/keys", Some(KeyManage)),
        ("DELETE", "/api/admin/keys/{id}", Some(KeyManage)),
        ("GET", "/api/openapi.yaml", None),
        ("GET", "/docs", None),
    ]
}

#[test]
fn every_described_operation_has_its_row() {
    let described: BTreeSet<(String, String)> = operations()
        .into_iter()
        .flat_map(|(path, methods)| {
            methods
                .into_iter()
                .map(move |method| (method, path.clone()))
        })
        .collect();
    let rows: BTreeSet<(String, String)> = rows()
        .into_iter()
        .map(|(method, path, _)| (method.to_owned(), path.to_owned()))
        .collect();
    assert_eq!(rows, described);
}

#[test]
fn every_operation_refuses_exactly_the_roles_that_the_table_refuses() {
    let world = World::new();
    let described = statuses();
    // Without a schedule there is no delivery to name.
    let there = |path: &str| world::has_schedule() || !path.starts_with("/api/deliveries");
    for (method, path, action) in rows().into_iter().filter(|row| there(row.1)) {
        let operation = (method, path);
        let known = &described[&(method.to_owned(), path.to_owned())];
        for role in [
            Role::Anyone,
            Role::Referrer,
            Role::Recruiter,
            Role::Partner,
            Role::Admin,
        ] {
            let names = path.contains('{');
            let own = match names {
                true => world.own(path, action, role),
                false => Some(String::new()),
            };
            let reach = action.map_or(Reach::All, |action| action.reach(role));
            let refused = if role == Role::Anyone { 401 } else { 403 };
            let check = |id: &str, may: bool| {
                let answer = call(&world, role, operation, action, id);
                let (status, text) = (answer.status, answer.text);
                let place = format!("{method} {path} of {id} as {role:?}: {status} {text}");
                assert!(known.contains(&status), "not described: {place}");
                // Every account of the sample has a profile already.
                let again = status == 409 && path.ends_with("/me/referrer-profile");
                match may {
                    true => assert!((200..300).contains(&status) || again, "{place}"),
                    false => assert_eq!(status, refused, "{place}"),
                }
            };
            let foreign = names && (own.is_none() || reach == Reach::Own);
            if let Some(own) = own {
                check(&own, reach != Reach::No);
            }
            if foreign {
                check(&world.foreign(path), reach == Reach::All);
            }
        }
    }
}

#[test]
fn own_reaches_no_further_than_what_is_ones_own() {
    let host = Setup::embedded().ready();
    let client = |role| host.client.demo(role);
    let (recruiter, referrer) = (client("recruiter"), client("referrer"));
    let list = host
        .client
        .get(&format!("/api/companies/{COMPANY}/jobs?limit=1"))
        .json();
    let own = list["data"][0]["id"].as_str().unwrap().to_owned();
    let all = host.client.get("/api/jobs?limit=100").json();
    let jobs = all["data"].as_array().unwrap();
    let foreign = jobs.iter().find(|job| job["companyId"] != COMPANY).unwrap();
    let foreign = foreign["id"].as_str().unwrap().to_owned();
    let title = json!({"title": "A new title"});
    assert_eq!(
        recruiter.patch(&format!("/api/jobs/{own}"), &title).status,
        200
    );
    assert_eq!(
        recruiter
            .patch(&format!("/api/jobs/{foreign}"), &title)
            .status,
        403
    );
    assert_eq!(
        recruiter.get(&format!("/api/jobs/{own}/referrals")).status,
        200
    );
    assert_eq!(
        recruiter
            .get(&format!("/api/jobs/{foreign}/referrals"))
            .status,
        403
    );
    assert_eq!(
        recruiter
            .get(&format!("/api/jobs/{foreign}/referral-counts"))
            .status,
        403
    );
    assert_eq!(
        recruiter
            .call("DELETE", &format!("/api/jobs/{foreign}"))
            .status,
        403
    );

    assert_eq!(
        referrer.get(&format!("/api/users/{OTHER}/network")).status,
        403
    );
    assert_eq!(
        referrer
            .get(&format!("/api/users/{OTHER}/referrals"))
            .status,
        403
    );
    assert_eq!(
        referrer.get(&format!("/api/payouts?userId={OTHER}")).status,
        403
    );
    assert_eq!(
        referrer
            .patch(&format!("/api/users/{OTHER}"), &json!({"name": "X"}))
            .status,
        403
    );
    let raise = json!({"role": "admin"});
    assert_eq!(
        referrer.patch("/api/users/me", &raise).status,
        403,
        "nobody raises themselves"
    );
    let admin = client("admin");
    let payouts = admin.get("/api/payouts?limit=1").json();
    let payout = payouts["data"][0]["id"].as_str().unwrap();
    assert_eq!(admin.get(&format!("/api/payouts/{payout}")).status, 200);
    assert_eq!(referrer.get(&format!("/api/payouts/{payout}")).status, 403);
    // Another's webhook is neither shown nor deleted.
    let hook = json!({"url": "https://hooks.example/a", "events": ["job.created"]});
    let made = recruiter.post("/api/webhooks", &hook);
    assert_eq!(made.status, 201, "{}", made.text);
    let place = made.header("location").to_owned();
    assert_eq!(referrer.get(&place).status, 403);
    assert_eq!(referrer.call("DELETE", &place).status, 403);
    assert_eq!(recruiter.call("DELETE", &place).status, 204);
}
