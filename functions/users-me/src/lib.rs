//! `/api/users/me`: the caller's own account, shown and changed; shows no one else's.

use trm_domain::access::Action;
use trm_domain::user::{ACCOUNT, PUBLIC};
use trm_market::{Caller, account, read};
use trm_sdk::{Answer, Method, Problem, Request};

trm_sdk::function!(users_me);

async fn users_me(request: Request) -> Answer {
    request.query(&[])?;
    let caller = Caller::of(&request).await?;
    // The password's hash is not among them.
    let fields = [&PUBLIC[..], &ACCOUNT].concat();
    match *request.method() {
        Method::GET | Method::HEAD => {
            caller.may(Action::AccountUse)?;
            read::private(account::of(caller.user()?, &fields).await?)
        }
        Method::PATCH => {
            caller.may(Action::AccountUse)?;
            account::change(&request, &caller, caller.user()?, &fields).await
        }
        _ => Err(Problem::method("GET, HEAD, PATCH")),
    }
}
