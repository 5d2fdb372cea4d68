//! Who may see the console: anyone on this machine in `trm dev`, elsewhere who has the token; keeps no session.

use super::PATH;
use crate::config::Config;
use crate::config::Mode;
use crate::operator::same;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use sha2::{Digest, Sha256};
use trm_runtime::error::problem;
use trm_runtime::error::whole;
use wasmtime_wasi_http::WasiBody;

/// A header that a page of another origin cannot send without being asked first, which is refused.
const OWN: HeaderName = HeaderName::from_static("x-trm-console");
const TOKEN: HeaderName = HeaderName::from_static("x-console-token");
const COOKIE: &str = "trm_console=";
/// How long a sign-in is good for.
const SECONDS: u32 = 8 * 3_600;

/// Who may see it.
pub enum Access {
    /// Nobody: there is no console.
    Off,
    /// Who asks by a name of this machine. A page elsewhere that has its name lead here does not.
    Local,
    /// Who has the token; its seal, which is what a cookie holds.
    Sealed(String),
}

impl Access {
    /// What the configuration allows.
    pub fn of(config: &Config) -> Self {
        match (&config.console_token, config.mode) {
            (Some(token), _) => Self::Sealed(seal(token)),
            (None, Mode::Dev) => Self::Local,
            (None, Mode::Serve) => Self::Off,
        }
    }

    /// Whether the page itself may be shown; it holds no secret, but it is for one place.
    pub(super) fn shows_page(&self, head: &Parts) -> bool {
        !matches!(self, Self::Local) || names_this_machine(head)
    }

    /// Whether a request is from who may see the console, and from its own page if it changes something.
    pub(super) fn allows(&self, head: &Parts) -> bool {
        if head.method != Method::GET && !head.headers.contains_key(OWN) {
            return false;
        }
        match self {
            Self::Off => false,
            Self::Local => names_this_machine(head),
            Self::Sealed(seal) => {
                let cookies = head.headers.get_all(header::COOKIE).into_iter();
                let cookies = cookies.filter_map(|value| value.to_str().ok());
                let mut values = cookies.flat_map(|all| all.split("; "));
                let value = values.find_map(|one| one.strip_prefix(COOKIE));
                value.is_some_and(|value| same(value, seal))
            }
        }
    }

    /// Gives a cookie for the token. The token itself is not kept by the browser.
    pub(super) fn sign_in(&self, head: &Parts) -> Response<WasiBody> {
        let given = head.headers.get(TOKEN).map(HeaderValue::as_bytes);
        let given = given.map(|token| seal(&String::from_utf8_lossy(token)));
        match (self, given) {
            (Self::Sealed(seal), Some(given)) if same(seal, &given) => {
                let cookie = format!(
                    "{COOKIE}{seal}; Path={PATH}; Max-Age={SECONDS}; HttpOnly; SameSite=Strict"
                );
                let mut response = whole(StatusCode::NO_CONTENT, "");
                match HeaderValue::from_str(&cookie) {
                    Ok(cookie) => drop(response.headers_mut().insert(header::SET_COOKIE, cookie)),
                    Err(error) => tracing::error!("a cookie cannot be written: {error}"),
                }
                response
            }
            _ => problem(StatusCode::UNAUTHORIZED, "this is not TRM_CONSOLE_TOKEN"),
        }
    }
}

fn names_this_machine(head: &Parts) -> bool {
    let host = head
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = host.or_else(|| head.uri.authority().map(|authority| authority.as_str()));
    let name = host.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name));
    matches!(name, Some("localhost" | "127.0.0.1" | "[::1]"))
}

/// What a cookie holds in place of the token.
fn seal(token: &str) -> String {
    format!("{:x}", Sha256::digest(format!("trm console\0{token}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().method(method).uri("/console/live");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_token_gives_a_cookie_and_only_its_own_page_may_change_something() {
        let access = Access::Sealed(seal("a token of a test"));
        assert!(!access.allows(&head("GET", &[])));
        let wrong = access.sign_in(&head("POST", &[("x-console-token", "other")]));
        assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
        let right = access.sign_in(&head("POST", &[("x-console-token", "a token of a test")]));
        let cookie = right.headers()[header::SET_COOKIE].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap();
        assert!(!cookie.contains("token of"));
        assert!(access.allows(&head("GET", &[("cookie", cookie)])));
        assert!(!access.allows(&head("POST", &[("cookie", cookie)])));
        assert!(access.allows(&head("POST", &[("cookie", cookie), ("x-trm-console", "1")])));
    }

    #[test]
    fn a_name_that_is_made_to_lead_here_is_refused() {
        for (host, allowed) in [
            ("localhost:3000", true),
            ("127.0.0.1:3000", true),
            ("evil.example:3000", false),
        ] {
            assert_eq!(
                Access::Local.allows(&head("GET", &[("host", host)])),
                allowed,
                "{host}"
            );
        }
        assert!(!Access::Off.allows(&head("GET", &[("host", "localhost")])));
    }
}
