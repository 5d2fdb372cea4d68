//! Sample data from a fixed seed: the same marketplace every time, dated back from a given now.

mod companies;
mod jobs;
mod payouts;
mod people;
mod random;
mod referrals;

pub use people::{DEMO, DEMO_PASSWORD};

use bson::Document;
use bson::oid::ObjectId;

/// How many of each there are.
const COMPANIES: u32 = 50;
const USERS: u32 = 220;
const JOBS: u32 = 1_200;
const REFERRALS: u32 = 2_400;

const DAY: i64 = 86_400_000;

/// What an identifier is for; its fifth byte tells.
#[derive(Clone, Copy)]
enum Kind {
    Company = 1,
    User = 2,
    Job = 3,
    Referral = 4,
    Payout = 5,
}

/// The identifier of the nth of a kind.
fn id(kind: Kind, nth: u32) -> ObjectId {
    let [a, b, c, d] = nth.to_be_bytes();
    ObjectId::from_bytes([0x65, 0, 0, 0, kind as u8, 0, 0, 0, a, b, c, d])
}

/// Every collection and its documents. `now` is in UTC milliseconds.
pub fn collections(now: i64) -> Vec<(&'static str, Vec<Document>)> {
    let (users, jobs) = (people::all(now), jobs::all(now));
    let referrals = referrals::all(now, &jobs);
    let payouts = payouts::all(&users, &referrals);
    vec![
        ("companies", companies::all(now)),
        ("users", users),
        ("jobs", jobs),
        ("referrals", referrals),
        ("payouts", payouts),
    ]
}

/// An identifier that the data holds, for the path segment before it (`jobs`, `users`, …).
pub fn example_id(segment: &str) -> String {
    let kind = match segment {
        "companies" => Kind::Company,
        "users" => Kind::User,
        "referrals" => Kind::Referral,
        "payouts" => Kind::Payout,
        _ => Kind::Job,
    };
    id(kind, 1).to_hex()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn it_is_the_same_every_time_and_of_the_promised_size() {
        let (one, two) = (
            collections(1_800_000_000_000),
            collections(1_800_000_000_000),
        );
        assert_eq!(one, two);
        let sizes: Vec<usize> = one.iter().map(|(_, documents)| documents.len()).collect();
        assert_eq!(sizes[..4], [50, 223, 1_200, 2_400]);
        assert!(sizes[4] > 400, "{sizes:?}");
    }

    #[test]
    fn every_reference_leads_somewhere_and_the_network_is_a_forest() {
        let data = collections(1_800_000_000_000);
        let ids = |at: usize| -> HashSet<ObjectId> {
            data[at]
                .1
                .iter()
                .map(|document| document.get_object_id("_id").unwrap())
                .collect()
        };
        let (companies, users, jobs) = (ids(0), ids(1), ids(2));
        for job in &data[2].1 {
            assert!(companies.contains(&job.get_object_id("companyId").unwrap()));
            let salary = job.get_document("salary").unwrap();
            assert!(salary.get_i64("min").unwrap() <= salary.get_i64("max").unwrap());
        }
        for referral in &data[3].1 {
            assert!(jobs.contains(&referral.get_object_id("jobId").unwrap()));
            assert!(users.contains(&referral.get_object_id("referrerId").unwrap()));
        }
        let mut emails = HashSet::new();
        for user in &data[1].1 {
            assert!(emails.insert(user.get_str("email").unwrap()));
            let own = user.get_object_id("_id").unwrap();
            let profile = user.get_document("referrerProfile").unwrap();
            if let Ok(parent) = profile.get_object_id("parentReferrerId") {
                // A parent came first, so there can be no circle.
                assert!(users.contains(&parent) && parent < own);
            }
        }
    }
}
