//! Indexes on both stores: each list's query uses one, words are searched and ranked, pages by a page's cursor as well.

use crate::documents::{raw, soon, stores};
use bson::{Bson, DateTime, Document, doc};
use harness::given;
use harness::host::Setup;
use trm_document_stores::{FindOptions, IndexSpec, Origin, OriginError};

fn read(found: Vec<bson::RawDocumentBuf>) -> Vec<Document> {
    found
        .iter()
        .map(|raw| Document::try_from(raw.as_ref()).unwrap())
        .collect()
}

/// Jobs, users and referrals of plausible shape, with every index of the marketplace.
async fn marketplace(store: &Origin) {
    for index in trm_domain::schema::INDEXES {
        let spec = IndexSpec {
            keys: index.keys,
            unique: index.unique,
            sparse: index.sparse,
            text: index.text,
        };
        // Twice: what is there is left alone.
        for _ in 0..2 {
            store
                .create_index(index.collection, spec, soon())
                .await
                .unwrap();
        }
    }
    let titles = [
        "Senior Rust Engineer",
        "Data Engineer",
        "Rust and Rust again",
        "Designer",
        "Sales lead in Zürich",
    ];
    let jobs: Vec<_> = (0..200_i32)
        .map(|n| {
            raw(&doc! {
                "_id": n, "title": (titles[n as usize % 5]), "status": if n % 2 == 0 { "active" } else { "closed" },
                "description": if n % 7 == 0 { "Engineers who write services" } else { "People" },
                "companyId": n % 10, "createdAt": DateTime::from_millis(i64::from(n / 3)),
                "location": {"city": format!("c{}", n % 9), "country": "DE"},
            })
        })
        .collect();
    store.insert("jobs", jobs, soon()).await.unwrap();
    let users: Vec<_> = (0..50_i32)
        .map(|n| {
            let mut user = doc! {"_id": n, "email": format!("u{n}@example.com")};
            if n % 2 == 0 {
                let code = format!("code{n}");
                user.insert(
                    "referrerProfile",
                    doc! {"inviteCode": code, "parentReferrerId": n / 4},
                );
            }
            raw(&user)
        })
        .collect();
    store.insert("users", users, soon()).await.unwrap();
    let referrals: Vec<_> = (0..100_i32)
        .map(|n| {
            raw(&doc! {
                "_id": n, "referrerId": n % 10, "jobId": n % 20, "status": "hired",
                "candidate": {"email": format!("c{n}@example.com")},
            })
        })
        .collect();
    store.insert("referrals", referrals, soon()).await.unwrap();
}

#[tokio::test]
async fn each_list_is_answered_by_an_index() {
    let (mongo, sqlite) = stores().await;
    for store in [&mongo, &sqlite] {
        marketplace(store).await;
        let newest = doc! {"createdAt": -1, "_id": 1};
        for (of, filter, sort) in [
            ("jobs", doc! {"status": "active"}, Some(&newest)),
            ("jobs", doc! {"status": "active", "companyId": 3}, None),
            (
                "jobs",
                doc! {"companyId": 3, "status": "active"},
                Some(&newest),
            ),
            (
                "jobs",
                doc! {"location.city": "c1", "location.country": "DE"},
                None,
            ),
            ("jobs", doc! {"$text": {"$search": "rust"}}, None),
            ("users", doc! {"email": "u1@example.com"}, None),
            ("users", doc! {"referrerProfile.inviteCode": "code2"}, None),
            ("users", doc! {"referrerProfile.parentReferrerId": 3}, None),
            ("referrals", doc! {"referrerId": 3, "status": "hired"}, None),
            ("referrals", doc! {"jobId": 3, "status": "hired"}, None),
        ] {
            let sort = sort.map(raw);
            let plan = store.explain(of, raw(&filter), sort, soon()).await.unwrap();
            let scans = ["COLLSCAN", &format!("SCAN c_{of}")]
                .iter()
                .any(|scan| plan.contains(scan));
            let uses = [
                "IXSCAN",
                "TEXT_MATCH",
                "EXPRESS",
                "USING INDEX",
                "VIRTUAL TABLE INDEX",
            ]
            .iter()
            .any(|step| plan.contains(step));
            assert!(uses && !scans, "{} {of} {filter}:\n{plan}", store.kind());
        }
        // The oracle bites: a field without an index is scanned for.
        let filter = raw(&doc! {"description": "People"});
        let plan = store.explain("jobs", filter, None, soon()).await.unwrap();
        assert!(
            plan.contains("COLLSCAN") || plan.contains("SCAN c_jobs"),
            "{plan}"
        );
    }
}

#[test]
fn the_command_makes_the_indexes_and_says_which() {
    for setup in [
        Setup::embedded(),
        Setup::embedded().on_mongodb(&given("TEST_MONGODB_URI")),
    ] {
        for _ in 0..2 {
            let made = setup.run("indexes");
            let text = String::from_utf8_lossy(&made.stdout);
            assert!(made.status.success(), "{text} {made:?}");
            assert!(
                text.contains("jobs { title: \"text\", description: \"text\" }"),
                "{text}"
            );
            assert!(text.contains("users { email: 1 } unique"), "{text}");
        }
    }
}

async fn search(
    store: &Origin,
    filter: &Document,
    limit: u32,
    skip: u32,
) -> Result<Vec<Document>, OriginError> {
    let score = doc! {"score": {"$meta": "textScore"}};
    let mut projection = doc! {"title": 1};
    projection.extend(score.clone());
    let options = FindOptions {
        projection: Some(raw(&projection)),
        sort: Some(raw(&score)),
        limit,
        skip,
        cursor: None,
    };
    let page = store.find("jobs", raw(filter), options, soon()).await?;
    assert!(page.next.is_none());
    Ok(read(page.documents))
}

fn ids(found: &[Document]) -> Vec<i32> {
    let mut ids: Vec<_> = found
        .iter()
        .map(|found| found.get_i32("_id").unwrap())
        .collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn words_are_found_and_the_best_match_comes_first() {
    let (mongo, sqlite) = stores().await;
    let none = sqlite
        .count("jobs", raw(&doc! {"$text": {"$search": "x"}}), soon())
        .await;
    assert!(matches!(none, Err(OriginError::Invalid(_))), "{none:?}");
    for store in [&mongo, &sqlite] {
        marketplace(store).await;
        // An update and a deletion are followed.
        let set = raw(&doc! {"$set": {"title": "Zoologist"}});
        store
            .update(
                "jobs",
                raw(&doc! {"_id": 0}),
                set,
                Default::default(),
                soon(),
            )
            .await
            .unwrap();
        store
            .delete("jobs", raw(&doc! {"_id": 5}), false, soon())
            .await
            .unwrap();
    }
    for text in [
        "rust",
        "RUST",
        "engineer",
        "engineering",
        "zurich",
        "zoologist designer",
        "\"rust engineer\"",
        "rust -senior",
        "the",
        "nothing",
        "\"rust again\" designer",
        "services -data",
    ] {
        for status in [None, Some("active")] {
            let mut filter = doc! {"$text": {"$search": text}};
            if let Some(status) = status {
                filter.insert("status", status);
            }
            let one = search(&mongo, &filter, 200, 0).await.unwrap();
            let two = search(&sqlite, &filter, 200, 0).await.unwrap();
            assert_eq!(ids(&two), ids(&one), "{filter}");
            for found in [&one, &two] {
                let scores: Vec<f64> = found
                    .iter()
                    .map(|found| found.get_f64("score").unwrap())
                    .collect();
                assert!(
                    scores.is_sorted_by(|one, other| one >= other),
                    "{filter} {scores:?}"
                );
                assert!(
                    scores.iter().all(|score| *score > 0.0),
                    "{filter} {scores:?}"
                );
                assert!(
                    found
                        .iter()
                        .all(|found| found.contains_key("title") && found.len() == 3)
                );
            }
            for store in [&mongo, &sqlite] {
                let count = store.count("jobs", raw(&filter), soon()).await.unwrap();
                assert_eq!(count as usize, one.len(), "{filter}");
            }
            let second = search(&sqlite, &filter, 5, 5).await.unwrap();
            assert_eq!(
                second.as_slice(),
                two.get(5..10.min(two.len())).unwrap_or_default()
            );
        }
    }
    let filter = doc! {"$text": {"$search": "rust"}};
    let best = search(&sqlite, &filter, 1, 0).await.unwrap();
    assert_eq!(
        best[0].get("title"),
        Some(&Bson::from("Rust and Rust again"))
    );
}
