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

/// Every index that the queries of the functions rely on.
pub const INDEXES: &[Index] = &[
    Index {
        unique: true,
        ..index("users", &[("email", 1)])
    },
    Index {
        sparse: true,
        ..index("users", &[("referrerProfile.inviteCode", 1)])
    },
    index("users", &[("referrerProfile.parentReferrerId", 1)]),
    index("jobs", &[("status", 1), ("createdAt", -1)]),
    Index {
        text: true,
        ..index("jobs", &[("title", 1), ("description", 1)])
    },
    index("jobs", &[("companyId", 1), ("status", 1)]),
    index("jobs", &[("location.city", 1), ("location.country", 1)]),
    index("referrals", &[("referrerId", 1), ("status", 1)]),
    index("referrals", &[("jobId", 1), ("status", 1)]),
];
