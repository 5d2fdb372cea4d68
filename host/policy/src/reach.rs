//! Which addresses a grant reaches; resolves and connects nothing.

use std::net::IpAddr;

/// Whether any of the grants covers the address.
pub fn is_granted(grants: &[String], uri: &http::Uri) -> bool {
    grant(grants, uri) > Grant::None
}

/// How an address is granted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Grant {
    /// Not at all.
    None,
    /// By a pattern, which means public addresses only.
    Pattern,
    /// By its own name.
    Named,
}

/// The best of the grants (`scheme://host[:port]`) that cover the address; `*` stands for any scheme, host or port.
pub fn grant(grants: &[String], uri: &http::Uri) -> Grant {
    let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
        return Grant::None;
    };
    let port = port(uri);
    let of = |grant: &String| {
        let Some((granted_scheme, rest)) = grant.split_once("://") else {
            return Grant::None;
        };
        let rest = rest.trim_end_matches('/');
        let (granted_host, granted_port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.to_owned()),
            _ => (rest, default_port(scheme).to_string()),
        };
        let fits = (granted_scheme == "*" || granted_scheme == scheme)
            && (granted_port == "*" || granted_port == port.to_string());
        if !fits {
            return Grant::None;
        }
        if granted_host.eq_ignore_ascii_case(host) {
            return Grant::Named;
        }
        let pattern = match granted_host.strip_prefix("*.") {
            Some(domain) => host
                .strip_suffix(domain)
                .is_some_and(|sub| sub.ends_with('.')),
            None => granted_host == "*",
        };
        if pattern { Grant::Pattern } else { Grant::None }
    };
    grants.iter().map(of).max().unwrap_or(Grant::None)
}

/// The port of an address; where it says none, its scheme's.
pub fn port(uri: &http::Uri) -> u16 {
    let scheme = uri.scheme_str().unwrap_or_default();
    uri.port_u16().unwrap_or(default_port(scheme))
}

fn default_port(scheme: &str) -> u16 {
    match scheme {
        "https" => 443,
        "redis" | "rediss" => 6379,
        _ => 80,
    }
}

/// Whether the whole Internet may reach the address: neither private, nor this machine, nor a way around that.
pub fn is_public_address(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let reserved = a == 0 || a >= 240 || (a == 192 && b == 0 && c == 0);
            let benchmark = a == 198 && (b == 18 || b == 19);
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_documentation()
                || shared
                || reserved
                || benchmark)
        }
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.segments();
            // Global unicast, without documentation, and without the ways into IPv4 (6to4, Teredo).
            (0x2000..0x4000).contains(&first)
                && first != 0x2002
                && !(first == 0x2001 && (second == 0 || second == 0xdb8))
                && !(first == 0x3fff && second < 0x1000)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_scheme_host_and_port_are_granted() {
        let granted = |given: &str, uri: &str| {
            grant(&[given.to_owned()], &uri.parse().unwrap()) > Grant::None
        };
        assert!(granted(
            "https://api.example.com",
            "https://api.example.com/x"
        ));
        assert!(granted("http://127.0.0.1:8080", "http://127.0.0.1:8080/"));
        assert!(granted("https://*.example.com", "https://a.example.com/"));
        assert!(granted("*://*:*", "http://any:1/"));
        // The port that a scheme has where none is said.
        assert!(granted("https://a.example:443", "https://a.example/"));
        assert!(granted("http://a.example:80", "http://a.example/"));
        assert!(granted("redis://a.example:6379", "redis://a.example/"));
        assert!(granted("http://[::1]", "http://[::1]/"));
        assert!(
            granted("http://[::1]:81", "http://[::1]:81/")
                && !granted("http://[::1]", "http://[::1]:81/")
        );
        let named = ["http://a.example".to_owned()];
        assert!(is_granted(&named, &"http://a.example/".parse().unwrap()));
        assert!(!is_granted(&named, &"http://b.example/".parse().unwrap()));
        assert!(!granted(
            "https://api.example.com",
            "http://api.example.com/"
        ));
        assert!(!granted(
            "https://api.example.com",
            "https://api.example.com:8443/"
        ));
        assert!(!granted(
            "https://*.example.com",
            "https://evilexample.com/"
        ));
        assert!(!granted("https://*.example.com", "https://example.com/"));
    }

    #[test]
    fn a_pattern_reaches_public_addresses_only_and_a_name_any() {
        let of = |given: &[&str], uri: &str| {
            let given: Vec<_> = given.iter().map(|one| (*one).to_owned()).collect();
            grant(&given, &uri.parse().unwrap())
        };
        assert_eq!(of(&["http://*:*"], "http://10.0.0.1:80/"), Grant::Pattern);
        let both = ["http://*:*", "http://10.0.0.1:80"];
        assert_eq!(of(&both, "http://10.0.0.1:80/"), Grant::Named);
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "2002:a00:1::",
            "2001::1",
            "64:ff9b::a00:1",
            "100.127.255.255",
            "192.0.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "203.0.113.1",
            "240.0.0.1",
            "1fff::1",
            "2001:db8::1",
            "3fff::1",
            "3fff:fff::1",
            "4000::1",
        ] {
            assert!(!is_public_address(private.parse().unwrap()), "{private}");
        }
        for public in [
            "1.1.1.1",
            "93.184.216.34",
            "100.63.255.255",
            "100.128.0.1",
            "101.64.0.1",
            "192.0.1.1",
            "192.1.0.1",
            "193.0.0.1",
            "198.17.0.1",
            "198.20.0.1",
            "199.18.0.1",
            "2001:4860::8888",
            "2606:4700::1111",
            "2606:0:1::1",
            "3fff:1000::1",
        ] {
            assert!(is_public_address(public.parse().unwrap()), "{public}");
        }
    }
}
