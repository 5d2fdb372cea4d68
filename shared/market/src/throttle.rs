//! How often sign-in may be tried, for each address and each account; locks nobody out for long.

use std::time::Duration;
use trm_sdk::counter;
use trm_sdk::signing::digest;
use trm_sdk::{Problem, Request, variables};

/// Attempts on one account within the window, where none succeeds.
const ACCOUNT: u64 = 10;
const WINDOW: Duration = Duration::from_secs(300);
/// Attempts from one address within a minute, where the variable does not say.
const ADDRESS: u64 = 60;
const MINUTE: Duration = Duration::from_secs(60);

/// Counts one attempt from the client's address, as the host saw it: 429 over the bound.
pub async fn address(request: &Request) -> Result<(), Problem> {
    let client = request.client();
    let address = client
        .rsplit_once(':')
        .map_or(client, |(address, _)| address);
    let bound = variables::get("auth_attempts_per_minute").await?;
    let bound = bound.parse().unwrap_or(ADDRESS);
    count(&format!("throttle:address:{address}"), MINUTE, bound).await
}

/// Counts one attempt on an account, whether or not there is one: 429 over the bound.
pub async fn account(email: &str) -> Result<(), Problem> {
    count(&key(email), WINDOW, ACCOUNT).await
}

/// Forgets an account's attempts: its owner is in.
pub async fn forget(email: &str) -> Result<(), Problem> {
    Ok(counter::reset(&key(email)).await?)
}

async fn count(key: &str, window: Duration, bound: u64) -> Result<(), Problem> {
    let counted = counter::add(key, 1, window).await?;
    if counted.value > bound {
        return Err(Problem::too_often(counted.resets_in.as_secs() + 1));
    }
    Ok(())
}

/// The digest keeps addresses out of the store's keys.
fn key(email: &str) -> String {
    format!("throttle:account:{}", digest(&[email.as_bytes()]))
}
