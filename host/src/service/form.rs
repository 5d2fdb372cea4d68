//! What a request must be before anyone looks at it, so that two servers cannot read it differently; changes nothing.

use crate::error::RequestError;
use http::request::Parts;
use http::{Version, header};

/// The first fault in the form of a request (RFC 9112, sections 3.2 and 6.3).
pub(super) fn check(head: &Parts) -> Result<(), RequestError> {
    if head.version != Version::HTTP_11 {
        return Ok(());
    }
    let malformed = |fault| Err(RequestError::Malformed { fault });
    let mut hosts = head.headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(_), None) => {}
        (None, _) => return malformed("it has no Host header"),
        (Some(_), Some(_)) => return malformed("it has more than one Host header"),
    }
    let said = |name| head.headers.contains_key(name);
    if said(header::TRANSFER_ENCODING) && said(header::CONTENT_LENGTH) {
        return malformed("it has both Transfer-Encoding and Content-Length");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;
    use http::Request;

    fn is_taken(headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        check(&request.body(()).unwrap().into_parts().0).is_ok()
    }

    #[test]
    fn one_host_and_one_length_or_none() {
        let host = ("host", "a");
        assert!(is_taken(&[host]));
        assert!(is_taken(&[host, ("content-length", "1")]));
        assert!(is_taken(&[host, ("transfer-encoding", "chunked")]));
        assert!(!is_taken(&[]));
        assert!(!is_taken(&[host, ("host", "b")]));
        let both = [
            host,
            ("content-length", "1"),
            ("transfer-encoding", "chunked"),
        ];
        assert!(!is_taken(&both));
    }
}
