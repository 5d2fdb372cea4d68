//! Who may do what: one table of actions and roles; looks nothing up.

use crate::access::Action::*;
use crate::access::Reach::{All, No, Own};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Nobody is signed in.
    Anyone,
    /// Refers candidates.
    Referrer,
    /// Hires for a company.
    Recruiter,
    /// A program of a company, with a key.
    Partner,
    /// Runs the marketplace.
    Admin,
}

/// How far an action goes for a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Not at all.
    No,
    /// Only what is the caller's, or the caller's company's.
    Own,
    /// Everything.
    All,
}

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it, and the table says the rest")]
pub enum Action {
    JobRead,
    DraftRead,
    JobPost,
    JobChange,
    CompanyRead,
    CompanyCreate,
    CompanyChange,
    ProfileRead,
    AccountUse,
    AccountChange,
    InviteRead,
    ReferralCreate,
    ReferralRead,
    ReferralsOfJob,
    ReferralMove,
    ReferralWithdraw,
    LeaderboardRead,
    NetworkRead,
    PayoutRead,
    PayoutDecide,
    WebhookManage,
    KeyManage,
    CacheManage,
}

/// The table. A partner needs the scope of the action in its key as well.
#[rustfmt::skip]
pub const TABLE: [(Action, &str, [Reach; 5]); 23] = [
    //                 scope              Anyone Referrer Recruiter Partner Admin
    (JobRead,          "jobs:read",      [All,   All,     All,      All,    All]),
    (DraftRead,        "jobs:read",      [No,    No,      Own,      Own,    All]),
    (JobPost,          "jobs:write",     [No,    No,      Own,      Own,    All]),
    (JobChange,        "jobs:write",     [No,    No,      Own,      Own,    All]),
    (CompanyRead,      "companies:read", [All,   All,     All,      All,    All]),
    (CompanyCreate,    "",               [No,    No,      Own,      No,     All]),
    (CompanyChange,    "companies:write",[No,    No,      Own,      Own,    All]),
    (ProfileRead,      "users:read",     [All,   All,     All,      All,    All]),
    (AccountUse,       "",               [No,    Own,     Own,      No,     Own]),
    (AccountChange,    "",               [No,    Own,     Own,      No,     All]),
    (InviteRead,       "users:read",     [All,   All,     All,      All,    All]),
    (ReferralCreate,   "",               [No,    Own,     Own,      No,     Own]),
    (ReferralRead,     "referrals:read", [No,    Own,     Own,      Own,    All]),
    (ReferralsOfJob,   "referrals:read", [No,    No,      Own,      Own,    All]),
    (ReferralMove,     "referrals:write",[No,    No,      Own,      Own,    All]),
    (ReferralWithdraw, "",               [No,    Own,     Own,      No,     All]),
    (LeaderboardRead,  "users:read",     [All,   All,     All,      All,    All]),
    (NetworkRead,      "",               [No,    Own,     Own,      No,     All]),
    (PayoutRead,       "",               [No,    Own,     Own,      No,     All]),
    (PayoutDecide,     "",               [No,    No,      No,       No,     All]),
    (WebhookManage,    "webhooks:write", [No,    Own,     Own,      Own,    All]),
    (KeyManage,        "",               [No,    No,      No,       No,     All]),
    (CacheManage,      "cache:write",    [No,    No,      No,       All,    All]),
];

/// Every scope that a key can have.
pub fn scopes() -> Vec<&'static str> {
    let mut scopes: Vec<_> = TABLE.iter().map(|(_, scope, _)| *scope).collect();
    scopes.sort_unstable();
    scopes.dedup();
    scopes.retain(|scope| !scope.is_empty());
    scopes
}

impl Role {
    /// The role of a user as it is kept and spelt; an unknown one may do what anyone may.
    pub fn of_user(text: &str) -> Self {
        match text {
            "referrer" => Self::Referrer,
            "recruiter" => Self::Recruiter,
            "admin" => Self::Admin,
            _ => Self::Anyone,
        }
    }

    /// As it is kept and spelt.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::Referrer => "referrer",
            Self::Recruiter => "recruiter",
            Self::Partner => "partner",
            Self::Admin => "admin",
        }
    }
}

impl Action {
    fn row(self) -> (&'static str, [Reach; 5]) {
        TABLE
            .iter()
            .find(|(action, ..)| *action == self)
            .map_or(("", [No; 5]), |(_, scope, reach)| (*scope, *reach))
    }

    /// How far a role goes. `Role`'s order is the table's.
    pub fn reach(self, role: Role) -> Reach {
        self.row().1[role as usize]
    }

    /// The scope that a partner's key needs for it.
    pub fn scope(self) -> &'static str {
        self.row().0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_each_action_once_and_admins_reach_at_least_as_far_as_others() {
        for (at, (action, scope, reach)) in TABLE.iter().enumerate() {
            assert_eq!(*action as usize, at, "{action:?} is out of order or twice");
            assert!(reach.iter().all(|other| *other <= reach[4]), "{action:?}");
            let partner = reach[Role::Partner as usize] != No;
            assert!(!partner || !scope.is_empty(), "{action:?} needs a scope");
        }
    }

    #[test]
    fn only_reading_what_is_public_is_open_to_anyone() {
        let open: Vec<_> = TABLE
            .iter()
            .filter(|(action, ..)| action.reach(Role::Anyone) != No)
            .map(|(action, ..)| *action)
            .collect();
        assert_eq!(
            open,
            [
                JobRead,
                CompanyRead,
                ProfileRead,
                InviteRead,
                LeaderboardRead
            ]
        );
    }
}
