//! What RFC 9111 and 5861 allow: may a response be stored, how long is it fresh, which request does it answer; does no input or output.

use super::directives::Directives;
use super::directives::delta;
use super::directives::split;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use std::borrow::Cow;
use std::time::{Duration, SystemTime};

/// The most header names that `Vary` may list.
const MAX_VARY: usize = 8;
/// How long a stale answer is kept so that its function can confirm it: as long as it was fresh, within bounds.
const REVALIDATE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3_600));
/// The age of an answer that does not say it in one number: too old for any lifetime.
pub(super) const AGELESS: Duration = Duration::from_secs(1 << 40);

/// How long a stored response may be served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifetime {
    /// Fresh for so long from its creation at the origin.
    pub fresh: Duration,
    /// After that, served while it is revalidated.
    pub while_revalidate: Duration,
    /// After that, served where the origin fails.
    pub if_error: Duration,
    /// After that, kept to be confirmed by the validator that the origin gave.
    pub revalidate: Duration,
}

impl Lifetime {
    /// How long it is worth keeping.
    pub fn kept(&self) -> Duration {
        self.fresh + self.served_stale().max(self.revalidate)
    }

    fn served_stale(&self) -> Duration {
        self.while_revalidate.max(self.if_error)
    }
}

/// Why a response is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The method or the status is not one that is stored.
    Kind,
    /// Request or response forbids it, or it belongs to one client.
    Forbidden,
    /// It does not say how long it is fresh.
    NoLifetime,
    /// `Vary: *`, or more names than are looked at.
    Vary,
}

/// Whether and how long a response may be stored: RFC 9111 section 3, for a shared cache without
/// heuristics.
pub fn store(
    method: &Method,
    request: &HeaderMap,
    status: StatusCode,
    response: &HeaderMap,
) -> Result<Lifetime, Refusal> {
    // A partial response, or one that only confirms, is not a whole one.
    let whole = !status.is_informational()
        && status != StatusCode::PARTIAL_CONTENT
        && status != StatusCode::NOT_MODIFIED;
    if method != Method::GET || !whole {
        return Err(Refusal::Kind);
    }
    let (asked, said) = (Directives::of(request), Directives::of_response(response));
    let private = said.private || response.contains_key(header::SET_COOKIE);
    // `must-understand` goes with a `no-store` for caches that do not know it: RFC 9111 section 5.2.2.3.
    if said.must_understand && status.canonical_reason().is_none() {
        return Err(Refusal::Kind);
    }
    let no_store = said.no_store && !said.must_understand;
    if asked.no_store || no_store || said.no_cache || private {
        return Err(Refusal::Forbidden);
    }
    let shared = said.public || said.s_maxage.is_some() || said.must_revalidate;
    if request.contains_key(header::AUTHORIZATION) && !shared {
        return Err(Refusal::Forbidden);
    }
    if vary(response).is_none() {
        return Err(Refusal::Vary);
    }
    let fresh = freshness(&said, response).ok_or(Refusal::NoLifetime)?;
    let stale = |seconds: Option<u64>| match said.must_revalidate || said.s_maxage == Some(0) {
        true => Duration::ZERO,
        false => Duration::from_secs(seconds.unwrap_or(0)),
    };
    let validated = [header::ETAG, header::LAST_MODIFIED]
        .iter()
        .any(|validator| response.contains_key(validator));
    let lifetime = Lifetime {
        fresh,
        while_revalidate: stale(said.stale_while_revalidate),
        if_error: stale(said.stale_if_error),
        revalidate: match validated {
            true => fresh.clamp(REVALIDATE.0, REVALIDATE.1),
            false => Duration::ZERO,
        },
    };
    // What could only ever be confirmed is not worth keeping: everyone would queue for it.
    match fresh + lifetime.served_stale() > age(response) {
        true => Ok(lifetime),
        false => Err(Refusal::NoLifetime),
    }
}

/// `s-maxage`, else `max-age`, else `Expires` less `Date`; a malformed `Expires` is past.
fn freshness(said: &Directives, response: &HeaderMap) -> Option<Duration> {
    if let Some(seconds) = said.s_maxage.or(said.max_age) {
        return Some(Duration::from_secs(seconds));
    }
    let expires = response.get(header::EXPIRES)?;
    let base = date(response, header::DATE).unwrap_or_else(SystemTime::now);
    let several = response.get_all(header::EXPIRES).iter().count() > 1;
    let expires = httpdate::parse_http_date(expires.to_str().unwrap_or_default());
    match expires {
        Ok(expires) if !several => Some(expires.duration_since(base).unwrap_or_default()),
        _ => Some(Duration::ZERO),
    }
}

/// The age with which a response arrived: its `Age`, or what its `Date` tells. An `Age` that is not one
/// number makes it stale.
pub fn age(response: &HeaderMap) -> Duration {
    let mut fields = response.get_all(header::AGE).iter();
    let said = match (fields.next(), fields.next()) {
        (None, _) => Some(0),
        (Some(age), None) => age.to_str().ok().and_then(|age| delta(age.trim())),
        _ => None,
    };
    let Some(said) = said else {
        return AGELESS;
    };
    let apparent = date(response, header::DATE)
        .and_then(|date| SystemTime::now().duration_since(date).ok())
        .unwrap_or_default();
    // A date has whole seconds: one second of difference may be none.
    Duration::from_secs(said.max(apparent.as_secs().saturating_sub(1)))
}

pub(super) fn date(headers: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

/// The names that `Vary` lists, in order and once each; none where no other request can match.
pub fn vary(response: &HeaderMap) -> Option<Vec<HeaderName>> {
    let mut names = Vec::new();
    for field in response.get_all(header::VARY) {
        for name in field.to_str().ok()?.split(',').map(str::trim) {
            if name.is_empty() {
                continue;
            }
            // `*` is no header name.
            let name: HeaderName = match name {
                "*" => return None,
                name => name.parse().ok()?,
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names.sort_by(|one: &HeaderName, other| one.as_str().cmp(other.as_str()));
    (names.len() <= MAX_VARY).then_some(names)
}

/// What a request says in the fields that `Vary` lists, the same for requests that match.
pub fn variant(names: &[HeaderName], request: &HeaderMap) -> String {
    let mut said = String::new();
    for name in names {
        said.push_str(name.as_str());
        for (at, value) in request.get_all(name).iter().enumerate() {
            said.push(if at == 0 { '=' } else { ',' });
            // Byte by byte where it is no plain text: two that differ are two.
            let value = match value.to_str() {
                Ok(plain) => Cow::Borrowed(plain),
                Err(_) => value.as_bytes().iter().copied().map(char::from).collect(),
            };
            let words: Vec<&str> = value
                .split(',')
                .map(|word| word.trim_matches([' ', '\t']))
                .collect();
            said.push_str(&words.join(","));
        }
        said.push('\n');
    }
    said
}

/// Whether a stored response with this age may be served without asking the origin.
pub fn fresh(lifetime: &Lifetime, age: Duration, asked: &Directives) -> bool {
    let wanted = Duration::from_secs(asked.min_fresh.unwrap_or(0));
    let young = asked
        .max_age
        .is_none_or(|most| age <= Duration::from_secs(most));
    !asked.no_cache && young && age + wanted < lifetime.fresh
}

/// Whether the client holds the response already: RFC 9110 section 13, for GET and HEAD.
pub fn unmodified(request: &HeaderMap, response: &HeaderMap) -> bool {
    if request.contains_key(header::IF_NONE_MATCH) {
        let Some(tag) = response.get(header::ETAG) else {
            return false;
        };
        return request
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .any(|field| matches(field, tag));
    }
    let Some(since) = date(request, header::IF_MODIFIED_SINCE) else {
        return false;
    };
    date(response, header::LAST_MODIFIED).is_some_and(|modified| modified <= since)
}

/// Weak comparison with each tag of a list.
fn matches(field: &HeaderValue, tag: &HeaderValue) -> bool {
    fn strong(tag: &str) -> &str {
        tag.strip_prefix("W/").unwrap_or(tag)
    }
    let (Ok(field), Ok(tag)) = (field.to_str(), tag.to_str()) else {
        return false;
    };
    split(field).any(|one| one == "*" || strong(one) == strong(tag))
}

/// The tags under which a response can be invalidated.
pub fn surrogate_keys(response: &HeaderMap) -> Vec<String> {
    response
        .get_all("surrogate-key")
        .iter()
        .filter_map(|field| field.to_str().ok())
        .flat_map(str::split_whitespace)
        .map(str::to_owned)
        .collect()
}

/// Fields that belong to one connection, or to the client that asked first: they are never stored.
pub fn is_stored(name: &HeaderName, response: &HeaderMap) -> bool {
    let of_connection = [
        header::CONNECTION,
        header::PROXY_AUTHENTICATE,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::AGE,
    ]
    .contains(name)
        || matches!(
            name.as_str(),
            "keep-alive" | "proxy-connection" | "proxy-authentication-info"
        );
    let listed = response
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(','))
        .any(|listed| listed.trim().eq_ignore_ascii_case(name.as_str()));
    !of_connection && !listed
}

#[cfg(test)]
#[path = "rules_bounds_tests.rs"]
mod bounds;
#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
