//! An account of each role, and something of each kind that is theirs or is not, all made through HTTP.

use harness::client::{Answer, Client};
use harness::eventually;
use harness::host::{Host, Setup};
use serde_json::{Value, json};
use std::cell::Cell;
use std::time::Duration;
use trm_domain::access::Action::{self, ReferralWithdraw};
use trm_domain::access::Role;

/// The company of the demo recruiter, and of the partner's key.
pub const COMPANY: &str = "650000000100000000000001";
const OTHER_COMPANY: &str = "650000000100000000000002";
/// A user who never signs in here.
pub const OTHER_USER: &str = "650000000200000000000001";
/// Those who can have something of their own.
const OWNERS: [Role; 4] = [Role::Referrer, Role::Recruiter, Role::Partner, Role::Admin];

/// A host with what the roles have on it.
pub struct World {
    pub host: Host,
    partner: Client,
    signed_in: Vec<(Role, Client)>,
    /// Of each owner a webhook, and one of its deliveries.
    webhooks: Vec<(Role, String, String)>,
    /// An active job of `COMPANY`, and one of `OTHER_COMPANY`.
    jobs: [String; 2],
    made: Cell<u32>,
}

/// The identifier of what a POST has made.
fn id(made: &Answer) -> String {
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["id"].as_str().unwrap().to_owned()
}

impl World {
    pub fn new() -> Self {
        let host = Setup::embedded().ready();
        let users = [Role::Referrer, Role::Recruiter, Role::Admin];
        let signed_in = users.map(|role| (role, host.client.demo(role.as_str())));
        let scopes = trm_domain::access::scopes();
        let asked = json!({"name": "All", "companyId": COMPANY, "scopes": scopes});
        let key = signed_in[2].1.post("/api/admin/keys", &asked).json();
        let mut world = Self {
            partner: host.client.with("x-api-key", key["key"].as_str().unwrap()),
            host,
            signed_in: signed_in.into(),
            webhooks: Vec::new(),
            jobs: Default::default(),
            made: Cell::new(0),
        };
        let hooks = OWNERS.map(|role| (role, world.webhook(role)));
        world.jobs = [COMPANY, OTHER_COMPANY].map(|company| world.job(company));
        // The referrer, the company and whoever sees everything are told of it.
        world.referral(Role::Referrer, COMPANY);
        world.webhooks = hooks.map(|(role, hook)| world.delivered(role, hook)).into();
        world
    }

    /// The client of a role; who signs out signs in anew.
    pub fn client(&self, role: Role) -> Client {
        match role {
            Role::Anyone => self.host.client.clone(),
            Role::Partner => self.partner.clone(),
            role => {
                let mut known = self.signed_in.iter();
                known.find(|(known, _)| *known == role).unwrap().1.clone()
            }
        }
    }

    fn admin(&self) -> Client {
        self.client(Role::Admin)
    }

    /// A name that nothing else has.
    pub fn fresh(&self) -> String {
        self.made.set(self.made.get() + 1);
        format!("new{}", self.made.get())
    }

    fn user(&self, role: Role) -> String {
        let me = self.client(role).get("/api/users/me").json();
        me["id"].as_str().unwrap().to_owned()
    }

    /// A job as it is posted.
    pub fn new_job(company: &str) -> Value {
        json!({
            "companyId": company, "title": "Tester", "description": "Tests what others may do.",
            "location": {"city": "Lyon", "country": "FR"},
            "salary": {"min": 4_000_000, "max": 5_000_000, "currency": "EUR"},
            "referralBonus": {"amount": 100_000, "currency": "EUR"},
        })
    }

    fn job(&self, company: &str) -> String {
        id(&self.admin().post("/api/jobs", &Self::new_job(company)))
    }

    /// A referral as it is made, for the standing job of a company.
    pub fn new_referral(&self, company: &str) -> Value {
        let job = &self.jobs[usize::from(company != COMPANY)];
        let email = format!("{}@access.example", self.fresh());
        json!({"jobId": job, "candidate": {"name": "Cal", "email": email}})
    }

    fn referral(&self, by: Role, company: &str) -> String {
        let referral = self.new_referral(company);
        id(&self.client(by).post("/api/referrals", &referral))
    }

    fn payout(&self, of: Role) -> String {
        let referral = self.referral(of, OTHER_COMPANY);
        for to in ["reviewing", "interviewing", "hired", "completed"] {
            let place = format!("/api/referrals/{referral}/transitions");
            let moved = self.admin().post(&place, &json!({"to": to}));
            assert_eq!(moved.status, 200, "{}", moved.text);
        }
        let (user, admin) = (self.user(of), self.admin());
        let list = admin.get(&format!("/api/payouts?referralId={referral}&userId={user}"));
        list.json()["data"][0]["id"].as_str().unwrap().to_owned()
    }

    fn webhook(&self, of: Role) -> String {
        let hook = json!({"url": "https://hooks.example/access", "events": ["referral.created"]});
        id(&self.client(of).post("/api/webhooks", &hook))
    }

    /// A webhook with the first of its deliveries, once there is one.
    fn delivered(&self, of: Role, webhook: String) -> (Role, String, String) {
        if !has_schedule() {
            return (of, webhook, String::new());
        }
        let place = format!("/api/webhooks/{webhook}/deliveries");
        let first = || self.client(of).get(&place).json()["data"][0]["id"].clone();
        let most = Duration::from_secs(40);
        eventually("there is a delivery", most, || first().is_string());
        let delivery = first().as_str().unwrap().to_owned();
        (of, webhook, delivery)
    }

    fn key(&self) -> String {
        let asked = json!({"name": "New", "companyId": COMPANY, "scopes": ["jobs:read"]});
        id(&self.admin().post("/api/admin/keys", &asked))
    }

    /// What a path names that belongs to a role, or to its company; none where the role can have no such thing.
    /// It is made anew where a call could use it up.
    pub fn own(&self, path: &str, action: Option<Action>, role: Role) -> Option<String> {
        let of_company = [Role::Recruiter, Role::Partner].contains(&role);
        let of_user = [Role::Referrer, Role::Recruiter].contains(&role);
        match path.split('/').nth(2)? {
            "users" => (of_user || role == Role::Admin).then(|| self.user(role)),
            "companies" => of_company.then(|| COMPANY.to_owned()),
            "jobs" => of_company.then(|| self.job(COMPANY)),
            "referrals" if of_company && action != Some(ReferralWithdraw) => {
                Some(self.referral(Role::Referrer, COMPANY))
            }
            "referrals" => of_user.then(|| self.referral(role, OTHER_COMPANY)),
            "payouts" => of_user.then(|| self.payout(role)),
            "webhooks" if path == "/api/webhooks/{id}" => {
                OWNERS.contains(&role).then(|| self.webhook(role))
            }
            "webhooks" => self.standing(role).map(|(_, webhook, _)| webhook.clone()),
            "deliveries" => self.standing(role).map(|(_, _, delivery)| delivery.clone()),
            _ => None,
        }
    }

    /// What a path names that belongs to none of the roles but an admin.
    pub fn foreign(&self, path: &str) -> String {
        let admin = self.standing(Role::Admin).unwrap();
        match path.split('/').nth(2).unwrap() {
            "users" => OTHER_USER.to_owned(),
            "companies" => OTHER_COMPANY.to_owned(),
            "jobs" => self.job(OTHER_COMPANY),
            "referrals" => self.referral(Role::Admin, OTHER_COMPANY),
            "payouts" => self.payout(Role::Admin),
            "webhooks" => admin.1.clone(),
            "deliveries" => admin.2.clone(),
            "admin" => self.key(),
            "invites" => {
                let profile = self.admin().get("/api/users/me/referrer-profile").json();
                profile["inviteCode"].as_str().unwrap().to_owned()
            }
            other => panic!("nothing is made of {other}"),
        }
    }

    fn standing(&self, role: Role) -> Option<&(Role, String, String)> {
        self.webhooks.iter().find(|(owner, ..)| *owner == role)
    }
}

/// Whether the server dispatches events by itself. One that is given by its address need not.
pub fn has_schedule() -> bool {
    std::env::var("TEST_BASE_URL").is_err()
}
