//! The marketplace's collections by name; reads none.

use trm_sdk::documents::{Collection, collection};

/// Users, with their password hashes and referrer profiles.
pub const USERS: Collection = collection("users");
/// Companies.
pub const COMPANIES: Collection = collection("companies");
/// Jobs.
pub const JOBS: Collection = collection("jobs");
/// Referrals.
pub const REFERRALS: Collection = collection("referrals");
/// Payouts.
pub const PAYOUTS: Collection = collection("payouts");
/// Sessions of signed-in users.
pub const SESSIONS: Collection = collection("sessions");
/// Keys of partners.
pub const KEYS: Collection = collection("apikeys");
/// Events that are still to be handed on, and those that were.
pub const EVENTS: Collection = collection("events");
/// Subscriptions to events.
pub const WEBHOOKS: Collection = collection("webhooks");
/// What was or is to be sent to subscribers.
pub const DELIVERIES: Collection = collection("deliveries");
