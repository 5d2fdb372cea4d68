//! One well-formed call of each operation, so that it succeeds for whoever may make it.

use crate::access::world::{COMPANY, World};
use harness::client::{Answer, Client};
use serde_json::{Value, json};
use trm_domain::access::Action::{self, ReferralWithdraw};
use trm_domain::access::Role;

/// Makes the call as a role, on what the identifier names.
pub fn call(
    world: &World,
    role: Role,
    (method, path): (&str, &str),
    action: Option<Action>,
    id: &str,
) -> Answer {
    let client = client(world, role, (method, path));
    let body = body(world, (method, path), action);
    let place = match path {
        "/api/jobs/search" => "/api/jobs/search?q=rust".to_owned(),
        path => path.replace("{id}", id).replace("{code}", id),
    };
    match method {
        "POST" => client.post(&place, &body),
        "PATCH" => client.patch(&place, &body),
        method => client.call(method, &place),
    }
}

/// The role's client, or one that is not used again.
fn client(world: &World, role: Role, operation: (&str, &str)) -> Client {
    let host = &world.host.client;
    match (operation, role) {
        (_, Role::Anyone | Role::Partner) => world.client(role),
        (("POST", "/api/auth/logout"), role) => host.demo(role.as_str()),
        // The demo recruiter has a company, and so may make no other.
        (("POST", "/api/companies"), Role::Recruiter) => {
            let email = format!("{}@access.example", world.fresh());
            let password = "a long enough one";
            let body =
                json!({"email": email, "password": password, "name": "Re", "role": "recruiter"});
            assert_eq!(host.post("/api/auth/register", &body).status, 202);
            host.signed_in(&email, password)
        }
        _ => world.client(role),
    }
}

fn body(world: &World, operation: (&str, &str), action: Option<Action>) -> Value {
    let (password, email) = ("demo-password", "referrer@demo.example");
    let place = json!({"city": "Lyon", "country": "FR"});
    match operation {
        ("POST", "/api/auth/register") => {
            let email = format!("{}@access.example", world.fresh());
            json!({"email": email, "password": password, "name": "New"})
        }
        ("POST", "/api/auth/login") => json!({"email": email, "password": password}),
        ("POST", "/api/auth/refresh") => {
            let login = json!({"email": email, "password": password});
            let session = world.host.client.post("/api/auth/login", &login).json();
            json!({"refreshToken": session["refreshToken"]})
        }
        ("PATCH", "/api/users/me" | "/api/users/{id}") => json!({"name": "Another Name"}),
        ("POST", "/api/companies") => {
            json!({"name": world.fresh(), "industry": "Tests", "size": "1-10", "location": place})
        }
        ("PATCH", "/api/companies/{id}") => json!({"industry": "Other tests"}),
        ("POST", "/api/jobs") => World::new_job(COMPANY),
        ("PATCH", "/api/jobs/{id}") => json!({"title": "Another title"}),
        ("POST", "/api/referrals") => world.new_referral(COMPANY),
        ("POST", "/api/referrals/{id}/transitions") => match action {
            Some(ReferralWithdraw) => json!({"to": "withdrawn"}),
            _ => json!({"to": "reviewing"}),
        },
        ("POST", "/api/payouts/{id}/transitions") => json!({"to": "approved"}),
        ("POST", "/api/webhooks") => {
            json!({"url": "https://hooks.example/new", "events": ["job.created"]})
        }
        ("PATCH", "/api/webhooks/{id}") => json!({"active": false}),
        ("POST", "/api/admin/cache/invalidate") => json!({"tag": "access"}),
        ("POST", "/api/admin/keys") => json!({"name": "Another", "scopes": ["jobs:read"]}),
        _ => json!({}),
    }
}
