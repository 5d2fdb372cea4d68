//! The collections and their indexes; makes none of them.

/// One index of a collection.
#[derive(Debug, Clone, Copy)]
pub struct Index {
    /// The collection.
    pub collection: &'static str,
    /// The fields in order, 1 ascending, -1 descending.
    pub keys: &'static [(&'static str, i32)],
    /// No two documents share the fields' values.
    pub unique: bool,
    /// Documents without the fields are left out.
    pub sparse: bool,
    /// The fields' words are searched.
    pub text: bool,
}

const fn index(collection: &'static str, keys: &'static [(&'static str, i32)]) -> Index {
    Index {
        collection,
        keys,
        unique: false,
        sparse: false,
        text: false,
    }
}

const fn unique(collection: &'static str, keys: &'static [(&'static str, i32)]) -> Index {
    Index {
        unique: true,
        ..index(collection, keys)
    }
}

/// The newest of one owner's or of one state's: a list's order is completed by `_id`, and so is the index, so that
/// a page is read and nothing is sorted.
macro_rules! newest {
    ($collection:literal $(, $field:literal)*) => {
        index($collection, &[$(($field, 1),)* ("createdAt", -1), ("_id", 1)])
    };
}

/// Every index that the queries of the functions rely on.
pub const INDEXES: &[Index] = &[
    unique("users", &[("email", 1)]),
    Index {
        sparse: true,
        ..unique("users", &[("referrerProfile.inviteCode", 1)])
    },
    index("users", &[("referrerProfile.parentReferrerId", 1)]),
    index("companies", &[("name", 1), ("_id", 1)]),
    index(
        "companies",
        &[("location.city", 1), ("location.country", 1)],
    ),
    index("companies", &[("location.country", 1)]),
    newest!("companies"),
    index("jobs", &[("status", 1), ("createdAt", -1)]),
    newest!("jobs", "status"),
    Index {
        text: true,
        ..index("jobs", &[("title", 1), ("description", 1)])
    },
    index("jobs", &[("companyId", 1), ("status", 1)]),
    index("jobs", &[("location.city", 1), ("location.country", 1)]),
    index("referrals", &[("referrerId", 1), ("status", 1)]),
    index("referrals", &[("jobId", 1), ("status", 1)]),
    newest!("referrals", "referrerId"),
    newest!("referrals", "companyId"),
    // The leaderboard counts from the index alone.
    index("referrals", &[("status", 1), ("referrerId", 1)]),
    // One candidate, once for a job.
    unique("referrals", &[("jobId", 1), ("candidate.email", 1)]),
    newest!("payouts"),
    newest!("payouts", "userId"),
    newest!("payouts", "status"),
    // An admin's totals are added up from the index alone.
    index(
        "payouts",
        &[("month", 1), ("currency", 1), ("status", 1), ("amount", 1)],
    ),
    // A referral pays each share once, however often its completion is tried.
    unique("payouts", &[("referralId", 1), ("share", 1)]),
    index("sessions", &[("expiresAt", 1)]),
    index("sessions", &[("seenAt", 1)]),
    index("idempotency", &[("expiresAt", 1)]),
    newest!("apikeys"),
    index("events", &[("state", 1), ("dueAt", 1)]),
    newest!("webhooks"),
    newest!("webhooks", "ownerId"),
    newest!("webhooks", "companyId"),
    index("webhooks", &[("active", 1), ("events", 1)]),
    index("deliveries", &[("state", 1), ("dueAt", 1)]),
    newest!("deliveries", "webhookId"),
    unique("deliveries", &[("eventId", 1), ("webhookId", 1)]),
];
