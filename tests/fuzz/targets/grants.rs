//! What grants cover: what a pattern may invalidate is never more than what its keys may, the host's own is nobody's, and an
//! address is reached by its own scheme, host and port or by a pattern that ends in a whole name; connects nothing.

#![cfg_attr(not(test), no_main)]

use http::Uri;
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use trm_cache::barriers::{Barriers, Scope, prefixes};
use trm_fuzz::choices::Choices;
use trm_policy::grants::{Access, Grants, Written};
use trm_policy::reach::{Grant, grant, is_public_address};

const LETTERS: [char; 8] = ['a', 'b', ':', '*', '-', '_', 'é', '.'];

fn name(choices: &mut Choices<'_>) -> String {
    let head = *choices.one(&["", "a:", "trm:", "trm_", "b"]);
    let tail = *choices.one(&["", ":*", "*", ":"]);
    format!("{head}{}{tail}", choices.word(&LETTERS, 4))
}

fn keys(choices: &mut Choices<'_>) {
    let list = |choices: &mut Choices<'_>| (0..choices.below(3)).map(|_| name(choices)).collect();
    let collection = name(choices);
    let written = Written {
        cache: list(choices),
        counters: list(choices),
        documents: BTreeMap::from([(collection.clone(), Access::Read)]),
        ..Written::default()
    };
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    let named =
        !collection.is_empty() && collection.chars().all(plain) && !collection.starts_with("trm_");
    let patterns = written.cache.clone();
    let Ok(grants) = Grants::new(written) else {
        return;
    };
    assert!(named && grants.documents(&collection, Access::Read));
    assert!(!grants.documents(&collection, Access::Write));
    let (key, pattern) = (name(choices), name(choices));
    let covered = patterns
        .iter()
        .any(|granted| match granted.strip_suffix(":*") {
            Some(prefix) => key
                .strip_prefix(prefix)
                .is_some_and(|rest| rest.starts_with(':')),
            None => granted == "*" || *granted == key,
        });
    assert_eq!(
        grants.cache(&key),
        covered && !key.starts_with("trm:"),
        "{key} of {patterns:?}"
    );
    let Ok(Scope::Prefix(prefix)) = Scope::of_pattern(&pattern) else {
        return;
    };
    let under = format!("{prefix}{}", choices.word(&LETTERS, 4));
    if grants.cache_pattern(&pattern) && !under.starts_with("trm:") {
        assert!(
            grants.cache(&under),
            "{pattern} reaches {under} of {patterns:?}"
        );
    }
    // And the barrier of a pattern stops what lies under it, and nothing else.
    let barriers = Barriers::new(10);
    let before = barriers.fill_stamp();
    let scope = Scope::Prefix(prefix.clone());
    assert_eq!(Scope::read(&scope.spell()), Some(scope.clone()));
    barriers.raise_own(scope);
    assert!(
        !barriers.admit(&under, &[], before) && barriers.admit(&under, &[], barriers.fill_stamp())
    );
    assert_eq!(
        barriers.admit(&key, &[], before),
        !key.starts_with(&prefix),
        "{key}, {prefix}"
    );
    assert!(prefixes(&under).any(|known| known == prefix));
}

fn address(choices: &mut Choices<'_>) -> String {
    let scheme = *choices.one(&["http", "https", "*", "redis", "HTTP"]);
    let user = *choices.one(&["", "", "", "a.example@", "a:b@"]);
    let host = match choices.below(4) {
        0 => choices.word(&['a', '.', '*', '-', 'A', '@', ':'], 6),
        _ => (*choices.one(&[
            "a.example",
            "b.a.example",
            "*.a.example",
            "*",
            "A.EXAMPLE",
            "127.0.0.1",
            "[::1]",
            "ba.example",
            "*.example",
            "example",
            "a.example.",
            "*.",
        ]))
        .to_owned(),
    };
    let port = *choices.one(&["", ":80", ":443", ":*", ":", ":8080", ":080"]);
    let tail = *choices.one(&["", "/", "/x", "//", "?a.example"]);
    format!("{scheme}://{user}{host}{port}{tail}")
}

fn reach(choices: &mut Choices<'_>) {
    let granted: Vec<String> = (0..choices.below(3)).map(|_| address(choices)).collect();
    let Ok(uri) = address(choices).parse::<Uri>() else {
        return;
    };
    let said = grant(&granted, &uri);
    let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
        assert_eq!(said, Grant::None);
        return;
    };
    let usual = match scheme {
        "https" => 443,
        "redis" => 6_379,
        _ => 80,
    };
    let port = uri.port_u16().unwrap_or(usual);
    // The grant that explains the answer, read from its end.
    let explains = |granted: &String| {
        let (with, rest) = granted.split_once("://").unwrap_or_default();
        let rest = rest.trim_end_matches('/');
        let ends = [format!(":{port}"), ":*".to_owned()];
        let mut names: Vec<&str> = ends
            .iter()
            .filter_map(|end| rest.strip_suffix(end))
            .collect();
        names.extend((port == usual).then_some(rest));
        let by_name = names.iter().any(|name| name.eq_ignore_ascii_case(host));
        let by_pattern = names.iter().any(|name| match name.strip_prefix('*') {
            Some("") => true,
            Some(domain) => domain.starts_with('.') && host.ends_with(domain),
            None => false,
        });
        (with == "*" || with == scheme)
            && match said {
                Grant::None => false,
                Grant::Pattern => by_pattern,
                Grant::Named => by_name,
            }
    };
    let explained = granted.iter().any(explains);
    assert!(
        said == Grant::None || explained,
        "{uri} by {granted:?}: {said:?}"
    );
    // Its own spelling always reaches it, and an unrelated one never does.
    let own = vec![format!("{scheme}://{host}:{port}")];
    assert_eq!(grant(&own, &uri), Grant::Named, "{uri} by {own:?}");
    let other = vec![
        format!("{scheme}://x{host}:{port}"),
        format!("{scheme}x://{host}:{port}"),
    ];
    assert_eq!(grant(&other, &uri), Grant::None, "{uri} by {other:?}");
}

/// Blocks that nobody outside may mean: those of RFC 6890 and after.
const RESERVED: [([u8; 4], u32); 14] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

fn is_reserved(address: Ipv4Addr) -> bool {
    let within = |(block, bits): &([u8; 4], u32)| {
        (u32::from(address) ^ u32::from_be_bytes(*block)) >> (32 - bits) == 0
    };
    RESERVED.iter().any(within)
}

fn addresses(choices: &mut Choices<'_>) {
    let number = choices.number() as u32;
    let block = u32::from_be_bytes(choices.one(&RESERVED).0);
    for number in [
        number,
        block.wrapping_add(number >> choices.below(31)),
        block.wrapping_sub(1),
    ] {
        let address = Ipv4Addr::from(number);
        let public = is_public_address(IpAddr::V4(address));
        assert_eq!(public, !is_reserved(address), "{address}");
        assert_eq!(
            is_public_address(IpAddr::V6(address.to_ipv6_mapped())),
            public,
            "{address}"
        );
        // No way through the newer protocol leads to an older address.
        let low = u128::from(number);
        for way in [0, 0x64_ff9b << 96, 0x2002 << 112 | low << 80, 0x2001 << 112] {
            let around = Ipv6Addr::from(way | low);
            assert!(public || !is_public_address(IpAddr::V6(around)), "{around}");
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices(bytes);
    match choices.below(3) {
        0 => keys(&mut choices),
        1 => reach(&mut choices),
        _ => addresses(&mut choices),
    }
});
