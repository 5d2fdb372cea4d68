//! The sample's referrals, in every state; a candidate is referred once for a job.

use super::people;
use super::random::Random;
use super::{DAY, JOBS, Kind, REFERRALS, USERS, id};
use bson::{DateTime, Document, doc};

/// A state and how many in a hundred are in it.
const STATES: [(&str, u32); 7] = [
    ("submitted", 24),
    ("reviewing", 18),
    ("interviewing", 14),
    ("hired", 8),
    ("completed", 18),
    ("rejected", 13),
    ("withdrawn", 5),
];

/// The referrals of these jobs: each knows its job's company and bonus.
pub fn all(now: i64, jobs: &[Document]) -> Vec<Document> {
    let mut random = Random::new(44);
    (1..=REFERRALS)
        .map(|nth| {
            // A few refer much, most refer little: the smaller of two draws.
            let referrer = 1 + random.below(USERS).min(random.below(USERS));
            let (given, family) = people::name(nth * 13 + 5);
            let created = now - random.between(1, 170) * DAY - random.between(0, DAY);
            let job = &jobs[random.below(JOBS) as usize];
            doc! {
                "_id": id(Kind::Referral, nth),
                "jobId": job.get("_id"),
                "companyId": job.get("companyId"),
                "bonus": job.get("referralBonus"),
                "referrerId": id(Kind::User, referrer),
                "candidate": {
                    "name": format!("{given} {family}"),
                    "email": people::email(nth * 13 + 5, "candidates.example"),
                },
                "status": state(random.below(100)),
                "revision": 1_i64,
                "createdAt": DateTime::from_millis(created),
                "updatedAt": DateTime::from_millis((created + random.between(0, 40) * DAY).min(now)),
            }
        })
        .collect()
}

fn state(mut draw: u32) -> &'static str {
    for (state, share) in STATES {
        if draw < share {
            return state;
        }
        draw -= share;
    }
    "submitted"
}
