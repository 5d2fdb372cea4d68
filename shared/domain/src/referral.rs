//! Referrals: one candidate for one job, and the states it moves through; asks no store.

use crate::given;
use crate::money::Money;
use crate::state::State;
use crate::violation::Violation;
use crate::violation::{email, id, text};
use bson::oid::ObjectId;
use bson::{DateTime, Document, doc};
use serde::{Deserialize, Serialize};

/// The fields of a referral that a client may choose between.
pub const FIELDS: [&str; 11] = [
    "id",
    "jobId",
    "companyId",
    "referrerId",
    "candidate",
    "note",
    "status",
    "bonus",
    "revision",
    "createdAt",
    "updatedAt",
];
/// The fields by which a list of referrals can be sorted.
pub const SORTABLE: [&str; 3] = ["createdAt", "updatedAt", "status"];

/// Where a referral is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// New.
    Submitted,
    /// The company reads it.
    Reviewing,
    /// The candidate is talked to.
    Interviewing,
    /// The candidate has signed.
    Hired,
    /// The candidate has stayed long enough: the bonus is due.
    Completed,
    /// The company does not go on.
    Rejected,
    /// The referrer has taken it back.
    Withdrawn,
}

impl State for Status {
    const ALL: &'static [Self] = &[
        Self::Submitted,
        Self::Reviewing,
        Self::Interviewing,
        Self::Hired,
        Self::Completed,
        Self::Rejected,
        Self::Withdrawn,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Reviewing => "reviewing",
            Self::Interviewing => "interviewing",
            Self::Hired => "hired",
            Self::Completed => "completed",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
        }
    }

    fn next(self) -> &'static [Self] {
        use Status::*;
        match self {
            Submitted => &[Reviewing, Rejected, Withdrawn],
            Reviewing => &[Interviewing, Rejected, Withdrawn],
            Interviewing => &[Hired, Rejected, Withdrawn],
            Hired => &[Completed, Rejected],
            Completed | Rejected | Withdrawn => &[],
        }
    }
}

/// A candidate.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// The full name.
    pub name: String,
    /// The mail address.
    pub email: String,
}

/// A referral as it is made.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewReferral {
    /// The job.
    pub job_id: String,
    /// Who is referred.
    pub candidate: Candidate,
    /// Why.
    #[serde(default, deserialize_with = "given")]
    pub note: Option<String>,
}

/// The job's part of a referral: fixed when it is made.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The company of the job.
    pub company: ObjectId,
    /// What the referral is worth, if anything.
    pub bonus: Option<Money>,
}

impl NewReferral {
    /// The job, if every rule holds.
    pub fn check(&self) -> Result<ObjectId, Violation> {
        let job = id("/jobId", &self.job_id)?;
        text("/candidate/name", &self.candidate.name, 1, 120)?;
        email("/candidate/email", &self.candidate.email)?;
        if let Some(note) = &self.note {
            text("/note", note, 0, 2_000)?;
        }
        Ok(job)
    }

    /// The document that is kept. A mail address is compared without its case.
    pub fn into_document(
        self,
        id: ObjectId,
        job: ObjectId,
        referrer: ObjectId,
        terms: Terms,
        now: DateTime,
    ) -> Document {
        let email = self.candidate.email.trim().to_lowercase();
        let mut document = doc! {
            "_id": id, "jobId": job, "companyId": terms.company, "referrerId": referrer,
            "candidate": {"name": self.candidate.name.trim(), "email": email},
            "status": Status::Submitted.as_str(), "revision": 1_i64,
            "createdAt": now, "updatedAt": now,
        };
        if let Some(note) = self.note {
            document.insert("note", note);
        }
        if let Some(bonus) = terms.bonus {
            document.insert("bonus", bonus.to_document());
        }
        document
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_reached_from_the_first_and_ends() {
        let mut seen = vec![Status::Submitted];
        let mut at = 0;
        while at < seen.len() {
            for next in seen[at].next() {
                if !seen.contains(next) {
                    seen.push(*next);
                }
            }
            at += 1;
        }
        assert_eq!(seen.len(), Status::ALL.len());
        assert!(Status::ALL.iter().any(|status| status.next().is_empty()));
    }

    #[test]
    fn only_hired_completes_and_nothing_follows_an_end() {
        for &status in Status::ALL {
            assert_eq!(
                status.next().contains(&Status::Completed),
                status == Status::Hired
            );
            assert!(!status.next().contains(&Status::Submitted));
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        assert!(!Status::Hired.next().contains(&Status::Withdrawn));
    }

    #[test]
    fn a_candidates_address_is_kept_without_its_case() {
        let new: NewReferral = serde_json::from_value(serde_json::json!({
            "jobId": "650000000300000000000001",
            "candidate": {"name": "Ann", "email": "Ann@Example.COM"},
        }))
        .unwrap();
        let job = new.check().unwrap();
        let terms = Terms {
            company: job,
            bonus: None,
        };
        let kept = new.into_document(job, job, job, terms, DateTime::from_millis(1));
        let candidate = kept.get_document("candidate").unwrap();
        assert_eq!(candidate.get_str("email").unwrap(), "ann@example.com");
    }
}
