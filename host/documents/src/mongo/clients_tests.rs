//! Connection strings and read preferences, read without a server.

use super::*;

async fn clients(uri: &str) -> Result<Clients, Error> {
    let settings = MongoSettings {
        uri: uri.to_owned(),
        ..MongoSettings::default()
    };
    Clients::new(&settings, &Arc::new(Watch::new(50))).await
}

#[test]
fn every_read_preference_is_the_driver_s_own_and_an_unknown_one_prefers_the_primary() {
    let options = || None;
    for (mode, expected) in [
        ("primary", ReadPreference::Primary),
        (
            "primaryPreferred",
            ReadPreference::PrimaryPreferred { options: options() },
        ),
        (
            "secondary",
            ReadPreference::Secondary { options: options() },
        ),
        (
            "secondaryPreferred",
            ReadPreference::SecondaryPreferred { options: options() },
        ),
        ("nearest", ReadPreference::Nearest { options: options() }),
        (
            "farthest",
            ReadPreference::PrimaryPreferred { options: options() },
        ),
    ] {
        assert_eq!(preference(mode), expected, "{mode}");
    }
}

#[tokio::test]
async fn the_namespace_is_the_same_for_every_spelling_of_one_database() {
    let of = async |uri: &str| clients(uri).await.unwrap().namespace();
    let one = of("mongodb://b.example:2,a.example:1/jobs").await;
    assert_eq!(one, "a.example:1,b.example:2/jobs");
    assert_eq!(
        of("mongodb://user:secret@a.example:1,b.example:2/jobs").await,
        one
    );
    assert_eq!(of("mongodb://a.example/?replicaSet=rs0").await, "rs0/trm");
    assert_eq!(
        of("mongodb://z.example/trm?replicaSet=rs0").await,
        "rs0/trm"
    );
}

#[tokio::test]
async fn settings_reach_the_driver_whatever_the_connection_string_says() {
    let settings = MongoSettings {
        uri: "mongodb://a.example/?maxPoolSize=1&readPreference=nearest&w=0".to_owned(),
        max_pool_size: 7,
        read_preference: "secondary".to_owned(),
        server_selection: Duration::from_millis(300),
        ..MongoSettings::default()
    };
    let clients = Clients::new(&settings, &Arc::new(Watch::new(7)))
        .await
        .unwrap();
    let options = &clients.options;
    assert_eq!(options.max_pool_size, Some(7));
    assert_eq!(
        options.server_selection_timeout,
        Some(Duration::from_millis(300))
    );
    let majority = WriteConcern::builder().w(Acknowledgment::Majority).build();
    assert_eq!(options.write_concern, Some(majority));
    let secondary = ReadPreference::Secondary { options: None };
    let criteria = Some(SelectionCriteria::ReadPreference(secondary));
    assert_eq!(
        format!("{:?}", options.selection_criteria),
        format!("{criteria:?}")
    );
    assert!(clients.cores.len() <= 7);
}

#[tokio::test]
async fn what_is_no_connection_string_is_refused_at_once() {
    for wrong in [
        "",
        "localhost",
        "http://a.example",
        "mongodb://",
        "mongodb://a.example:x/",
    ] {
        assert!(clients(wrong).await.is_err(), "{wrong}");
    }
}
