//! How a function is asked whether a stored answer still holds, and what its 304 changes: RFC 9111 section 4.3.

use super::directives::SURROGATE;
use super::rules;
use super::stored;
use super::stored::Answer;
use http::{HeaderMap, HeaderName, HeaderValue, header};

const SURROGATE_CAPABILITY: HeaderName = HeaderName::from_static("surrogate-capability");
/// What describes the stored body stays as it was stored: section 3.2.
const OF_BODY: [HeaderName; 4] = [
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::ETAG,
];

/// The headers with which a function is asked. A stored answer that has its own validators is asked
/// about by them alone; the client's conditions are judged when it is served.
pub fn ask(request: &HeaderMap, stored: Option<&Answer>) -> HeaderMap {
    let mut headers = request.clone();
    if let Ok(capability) = HeaderValue::from_str(&format!("{SURROGATE}=\"Surrogate/1.0\"")) {
        headers.append(SURROGATE_CAPABILITY, capability);
    }
    let Some(stored) = stored.filter(|stored| is_confirmable(stored)) else {
        return headers;
    };
    for condition in [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE] {
        headers.remove(condition);
    }
    let validators = [
        (header::ETAG, header::IF_NONE_MATCH),
        (header::LAST_MODIFIED, header::IF_MODIFIED_SINCE),
    ];
    for (validator, condition) in validators {
        let own = validator == header::ETAG && stored.own_tag;
        if let Some(value) = stored.headers.get(&validator).filter(|_| !own) {
            headers.insert(condition, value.clone());
        }
    }
    headers
}

/// Whether the function gave a validator with the answer: it does not know the host's own tags.
pub fn is_confirmable(stored: &Answer) -> bool {
    let headers = &stored.headers;
    headers.contains_key(header::LAST_MODIFIED)
        || (headers.contains_key(header::ETAG) && !stored.own_tag)
}

/// The stored answer with what a 304 said anew; its lifetime is for the caller to find.
pub fn confirmed(mut stored: Answer, said: &HeaderMap) -> Answer {
    // A 304 without a date was made now.
    stored.headers.remove(header::DATE);
    for name in said.keys() {
        let kept = OF_BODY.contains(name) || name == "content-md5" || !rules::is_stored(name, said);
        if !kept {
            stored.headers.remove(name);
            for value in said.get_all(name) {
                stored.headers.append(name.clone(), value.clone());
            }
        }
    }
    stored.made = stored::now().saturating_sub(rules::age(said).as_millis() as u64);
    stored
}
