//! Payouts: how a bonus is split, and the states of a payout; moves no money.

use crate::money::Money;
use crate::state::State;
use bson::oid::ObjectId;
use bson::{DateTime, Document, doc};
use serde::{Deserialize, Serialize};

/// The fields by which a list of payouts can be sorted.
pub const SORTABLE: [&str; 3] = ["createdAt", "updatedAt", "amount"];
/// The fields of a payout that a client may choose between.
pub const FIELDS: [&str; 10] = [
    "id",
    "referralId",
    "userId",
    "share",
    "amount",
    "currency",
    "status",
    "revision",
    "createdAt",
    "updatedAt",
];

/// The parent referrer's part of a bonus, in percent.
pub const PARENT_PERCENT: i64 = 10;

/// Where a payout is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Waits for an admin.
    Pending,
    /// An admin has agreed.
    Approved,
    /// The money is sent.
    Paid,
    /// It will not be paid.
    Cancelled,
}

impl State for Status {
    const ALL: &'static [Self] = &[Self::Pending, Self::Approved, Self::Paid, Self::Cancelled];

    fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Paid => "paid",
            Self::Cancelled => "cancelled",
        }
    }

    fn next(self) -> &'static [Self] {
        match self {
            Self::Pending => &[Self::Approved, Self::Cancelled],
            Self::Approved => &[Self::Paid, Self::Cancelled],
            Self::Paid | Self::Cancelled => &[],
        }
    }
}

/// One person's part of a bonus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Who gets it.
    pub user: ObjectId,
    /// Whose part it is: `referrer` or `parent`.
    pub share: &'static str,
    /// How much, in minor units.
    pub amount: i64,
}

/// Splits a bonus so that nothing is lost: the parent's part is rounded down, the rest is the referrer's.
/// A part of nothing is no part.
pub fn split(bonus: &Money, referrer: ObjectId, parent: Option<ObjectId>) -> Vec<Part> {
    // Divided first, so that no amount overflows.
    let percent = |amount: i64| amount / 100 * PARENT_PERCENT + amount % 100 * PARENT_PERCENT / 100;
    let parents = parent.map_or(0, |_| percent(bonus.amount));
    let mut parts = vec![Part {
        user: referrer,
        share: "referrer",
        amount: bonus.amount - parents,
    }];
    parts.extend(parent.map(|user| Part {
        user,
        share: "parent",
        amount: parents,
    }));
    parts.retain(|part| part.amount > 0);
    parts
}

impl Part {
    /// The document that is kept. `month` (`2026-11`) is what totals are grouped by.
    pub fn into_document(
        self,
        id: ObjectId,
        referral: ObjectId,
        currency: &str,
        now: DateTime,
    ) -> Document {
        doc! {
            "_id": id, "referralId": referral, "userId": self.user, "share": self.share,
            "amount": self.amount, "currency": currency, "status": Status::Pending.as_str(),
            "month": month(now), "revision": 1_i64, "createdAt": now, "updatedAt": now,
        }
    }
}

/// The month of a date in UTC, as `2026-11`.
pub fn month(date: DateTime) -> String {
    let text = date.try_to_rfc3339_string().unwrap_or_default();
    text.get(..7).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_minor_unit_is_lost_or_made() {
        let (one, two) = (ObjectId::new(), ObjectId::new());
        for amount in [0, 1, 9, 10, 11, 99, 100, 101, 12_345, i64::MAX] {
            let bonus = Money {
                amount,
                currency: "EUR".into(),
            };
            for parent in [None, Some(two)] {
                let parts = split(&bonus, one, parent);
                assert_eq!(parts.iter().map(|part| part.amount).sum::<i64>(), amount);
                assert!(parts.iter().all(|part| part.amount > 0));
            }
        }
        let bonus = Money {
            amount: 1_015,
            currency: "EUR".into(),
        };
        let amounts: Vec<_> = split(&bonus, one, Some(two))
            .iter()
            .map(|part| (part.share, part.amount))
            .collect();
        assert_eq!(amounts, [("referrer", 914), ("parent", 101)]);
    }

    #[test]
    fn a_payout_is_approved_before_it_is_paid() {
        assert!(!Status::Pending.next().contains(&Status::Paid));
        assert!(Status::Approved.next().contains(&Status::Paid));
        assert!(Status::Paid.next().is_empty() && Status::Cancelled.next().is_empty());
        assert_eq!(month(DateTime::from_millis(1_700_000_000_000)), "2023-11");
    }
}
