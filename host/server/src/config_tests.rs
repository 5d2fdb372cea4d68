//! What the environment may say, and what each refusal names; never touches the real environment.

use super::*;

fn config(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_env(Mode::Serve, |name| {
        pairs
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn the_documents_defaults_hold() {
    let config = config(&[]).unwrap();
    assert_eq!(config.listen.port(), 3000);
    assert_eq!(config.metrics_listen.unwrap().port(), 9090);
    assert_eq!(config.cache.l1_ttl, Duration::from_secs(60));
    assert_eq!(config.cache.l2_ttl, Duration::from_secs(300));
    assert_eq!(config.cache.l1.bytes, 50 << 20);
    assert_eq!(
        (config.breaker_threshold, config.breaker_reset.as_millis()),
        (5, 30_000)
    );
    assert!(config.redis_url.is_none() && config.mongodb.is_none());
}

#[test]
fn a_wrong_value_is_named_with_what_is_allowed() {
    let error = config(&[("CACHE_L1_TTL", "soon")]).unwrap_err().to_string();
    assert_eq!(
        error,
        "CACHE_L1_TTL=soon is not allowed: a whole number from 1 to 86400"
    );
    let error = config(&[("LOG_LEVEL", "loud")]).unwrap_err().to_string();
    assert!(
        error.contains("one of error, warn, info, debug, trace"),
        "{error}"
    );
}

#[test]
fn a_secret_is_never_repeated() {
    for name in ["MONGODB_URI", "REDIS_URL"] {
        let error = config(&[(name, "http://:hunter2@db")])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(name) && !error.contains("hunter2"),
            "{error}"
        );
    }
}

#[test]
fn secrets_are_known_by_spins_names_and_while_they_are_changed() {
    let pairs = [
        ("SPIN_VARIABLE_API_KEY_SECRET", "spin's"),
        ("API_KEY_SECRET", "plain"),
        ("JWT_SECRET_PREVIOUS", "the one before"),
    ];
    let config = config(&pairs).unwrap();
    assert_eq!(config.operator_secret.as_deref(), Some("spin's"));
    for (_, secret) in pairs {
        assert!(
            config.secrets.iter().any(|known| known == secret),
            "{secret}"
        );
    }
}

#[test]
fn redis_may_be_spelt_in_parts() {
    let parts = [
        ("REDIS_HOST", "redis"),
        ("REDIS_PASSWORD", "p@ss/word"),
        ("REDIS_DB", "2"),
    ];
    let url = config(&parts).unwrap().redis_url.unwrap();
    assert_eq!(url, "redis://:p%40ss%2Fword@redis:6379/2");
}

#[test]
fn a_small_pool_lowers_its_own_minimum() {
    let pairs = [
        ("MONGODB_URI", "mongodb://db"),
        ("MONGODB_MAX_POOL_SIZE", "4"),
    ];
    let mongodb = config(&pairs).unwrap().mongodb.unwrap();
    assert_eq!((mongodb.max_pool_size, mongodb.min_pool_size), (4, 4));
}
