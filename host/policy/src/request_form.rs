//! What a request must be before anyone looks at it, so that two servers cannot read it differently; changes nothing.

use http::request::Parts;
use http::{Version, header};

/// The first fault in the form of a request (RFC 9112, section 3.2); hyper has seen to its length.
pub fn check(head: &Parts) -> Result<(), &'static str> {
    if head.version != Version::HTTP_11 {
        return Ok(());
    }
    let mut hosts = head.headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(_), None) => Ok(()),
        (None, _) => Err("it has no Host header"),
        (Some(_), Some(_)) => Err("it has more than one Host header"),
    }
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
    fn one_host_and_no_more() {
        let host = ("host", "a");
        assert!(is_taken(&[host]));
        assert!(!is_taken(&[]));
        assert!(!is_taken(&[host, ("host", "b")]));
    }
}
