//! The directives of `Cache-Control` and `Surrogate-Control`, read from header fields; decides nothing.

use http::{HeaderMap, HeaderName, header};

/// No delta is longer: RFC 9111 section 1.2.2.
pub(super) const MAX_DELTA: u64 = 2_147_483_648;
/// By which name `Surrogate-Control` means this host, and `Surrogate-Capability` says that it understands.
pub const SURROGATE: &str = "trm";
/// Directives for surrogates alone, which go before those for all caches.
pub const SURROGATE_CONTROL: HeaderName = HeaderName::from_static("surrogate-control");

/// The directives of `Cache-Control` that a shared cache obeys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// `no-store`.
    pub no_store: bool,
    /// `no-cache`, without names of fields.
    pub no_cache: bool,
    /// `private`.
    pub private: bool,
    /// `public`.
    pub public: bool,
    /// `must-revalidate` or `proxy-revalidate`.
    pub must_revalidate: bool,
    /// `must-understand`.
    pub must_understand: bool,
    /// `only-if-cached`.
    pub only_if_cached: bool,
    /// `max-age`.
    pub max_age: Option<u64>,
    /// `s-maxage`.
    pub s_maxage: Option<u64>,
    /// `min-fresh`.
    pub min_fresh: Option<u64>,
    /// `stale-while-revalidate`.
    pub stale_while_revalidate: Option<u64>,
    /// `stale-if-error`.
    pub stale_if_error: Option<u64>,
}

impl Directives {
    /// Of all `Cache-Control` fields together. What is not understood is passed over; a delta that is
    /// no number counts as stale at once.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut read = Self::default();
        for field in headers.get_all(header::CACHE_CONTROL) {
            for directive in split(&String::from_utf8_lossy(field.as_bytes())) {
                read.take(directive);
            }
        }
        read
    }

    /// Of a request: whether nothing stored may answer it, nor its answer be stored.
    pub(super) fn refuse_stored(&self) -> bool {
        self.no_cache && self.no_store && !self.only_if_cached
    }

    /// Of a response: what it says to surrogates replaces what it says to all caches, save how long it may
    /// be served stale.
    pub fn of_response(headers: &HeaderMap) -> Self {
        let mut read = Self::of(headers);
        let mut targeted = false;
        for field in headers.get_all(SURROGATE_CONTROL) {
            for directive in split(&String::from_utf8_lossy(field.as_bytes())) {
                let (directive, target) = match directive.split_once(';') {
                    Some((directive, target)) => (directive.trim_end(), Some(target.trim())),
                    None => (directive, None),
                };
                let mine = target.is_some();
                if target.is_some_and(|target| target != SURROGATE) || (targeted && !mine) {
                    continue;
                }
                let mut said = Self::default();
                // `max-age=600+60` allows staleness after the plus, which the stale directives say here.
                said.take(directive.split('+').next().unwrap_or(directive));
                if said.no_store || said.max_age.is_some() {
                    targeted = mine;
                    read = Self {
                        no_store: said.no_store,
                        max_age: said.max_age,
                        stale_while_revalidate: read.stale_while_revalidate,
                        stale_if_error: read.stale_if_error,
                        ..Self::default()
                    };
                }
            }
        }
        read
    }

    fn take(&mut self, directive: &str) {
        let (name, value) = match directive.split_once('=') {
            Some((name, value)) => (name.trim_end(), Some(value.trim().trim_matches('"'))),
            None => (directive, None),
        };
        let delta = || Some(delta(value.unwrap_or_default()).unwrap_or(0));
        match name.to_ascii_lowercase().as_str() {
            "no-store" => self.no_store = true,
            // With names it restricts only those fields; obeying it whole is always right.
            "no-cache" => self.no_cache = true,
            "private" => self.private = true,
            "public" => self.public = true,
            "must-revalidate" | "proxy-revalidate" => self.must_revalidate = true,
            "must-understand" => self.must_understand = true,
            "only-if-cached" => self.only_if_cached = true,
            "max-age" if self.max_age.is_none() => self.max_age = delta(),
            "s-maxage" if self.s_maxage.is_none() => self.s_maxage = delta(),
            "min-fresh" => self.min_fresh = delta(),
            "stale-while-revalidate" => self.stale_while_revalidate = delta(),
            "stale-if-error" => self.stale_if_error = delta(),
            _ => {}
        }
    }
}

/// At commas outside of quotes.
pub(super) fn split(field: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    field
        .split(move |letter| {
            quoted ^= letter == '"';
            letter == ',' && !quoted
        })
        .map(str::trim)
        .filter(|directive| !directive.is_empty())
}

pub(super) fn delta(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(MAX_DELTA).min(MAX_DELTA))
}
