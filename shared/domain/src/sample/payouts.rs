//! The sample's payouts: those of the completed referrals, split as the marketplace splits them.

use super::random::Random;
use super::{Kind, id};
use crate::money::Money;
use crate::payout::{self, Status};
use crate::state::State;
use bson::oid::ObjectId;
use bson::{DateTime, Document};
use std::collections::HashMap;

pub fn all(users: &[Document], referrals: &[Document]) -> Vec<Document> {
    let mut random = Random::new(55);
    let parents: HashMap<ObjectId, ObjectId> = users.iter().filter_map(parent).collect();
    let mut made = Vec::new();
    for referral in referrals {
        let Some((referral, referrer, bonus, at)) = completed(referral) else {
            continue;
        };
        for part in payout::split(&bonus, referrer, parents.get(&referrer).copied()) {
            let own = id(Kind::Payout, made.len() as u32 + 1);
            let mut payout = part.into_document(own, referral, &bonus.currency, at);
            let status = *random.pick(&[Status::Pending, Status::Approved, Status::Paid]);
            payout.insert("status", status.as_str());
            made.push(payout);
        }
    }
    made
}

fn parent(user: &Document) -> Option<(ObjectId, ObjectId)> {
    let profile = user.get_document("referrerProfile").ok()?;
    let parent = profile.get_object_id("parentReferrerId").ok()?;
    Some((user.get_object_id("_id").ok()?, parent))
}

fn completed(referral: &Document) -> Option<(ObjectId, ObjectId, Money, DateTime)> {
    if referral.get_str("status").ok()? != "completed" {
        return None;
    }
    let bonus = referral.get_document("bonus").ok()?.clone();
    Some((
        referral.get_object_id("_id").ok()?,
        referral.get_object_id("referrerId").ok()?,
        bson::deserialize_from_document(bonus).ok()?,
        *referral.get_datetime("updatedAt").ok()?,
    ))
}
