//! One call of the host, chosen by bytes and with arguments made of them, and what it told; keeps what it is told to hold.

use crate::bytes::Choices;
use spin_sdk::key_value::Store;
use std::fmt::Debug;
use std::time::Duration;
use trm_sdk::bindings::trm::platform::cache::{self, EntryOptions, Fill, Freshness, Lookup};
use trm_sdk::bindings::trm::platform::documents::{
    self, FindAndUpdateOptions, FindOptions, Operation, UpdateOptions, Write,
};
use trm_sdk::bindings::trm::platform::{counter, metrics};
use trm_sdk::outbound;

/// The rights to compute that are held until the request ends.
pub type Held = Vec<Fill>;

/// Makes one call; its name, and how it went.
pub async fn call(choices: &mut Choices<'_>, held: &mut Held, receiver: &str) -> String {
    match choices.byte() % 8 {
        0 | 1 => cached(choices, held),
        2 => counted(choices),
        3 | 4 => read(choices),
        5 => written(choices),
        6 => measured(choices),
        _ => elsewhere(choices, receiver).await,
    }
}

/// Short, whatever was in it.
fn said(what: &str, told: Result<impl Debug, impl Debug>) -> String {
    let told = match told {
        Ok(_) => "Ok".to_owned(),
        Err(error) => format!("{error:?}"),
    };
    format!("{what}: {}", told.chars().take(40).collect::<String>())
}

fn options(choices: &mut Choices<'_>) -> EntryOptions {
    let count = *choices.one(&[0, 0, 1, 2, 16, 17, 40]);
    EntryOptions {
        ttl_ms: choices.chance(2).then(|| choices.number()),
        tags: (0..count).map(|_| choices.name()).collect(),
    }
}

fn cached(choices: &mut Choices<'_>, held: &mut Held) -> String {
    let name = choices.name();
    match choices.byte() % 6 {
        0 => said("cache.get", cache::get(&name)),
        1 => {
            let value = choices.value();
            said("cache.set", cache::set(&name, &value, &options(choices)))
        }
        2 => said("cache.delete", cache::delete(&name)),
        3 => said("cache.invalidate-tag", cache::invalidate_tag(&name)),
        4 => said("cache.invalidate-pattern", cache::invalidate_pattern(&name)),
        _ => match cache::get_or_fill(&name) {
            Ok(Lookup::Hit(_)) => "cache.get-or-fill: Ok".to_owned(),
            Ok(Lookup::Fill(fill)) => filled(choices, fill, held),
            Err(error) => said("cache.get-or-fill", Err::<(), _>(error)),
        },
    }
}

fn filled(choices: &mut Choices<'_>, fill: Fill, held: &mut Held) -> String {
    let (value, options) = (choices.value(), options(choices));
    match choices.byte() % 5 {
        0 => {
            held.push(fill);
            "cache.fill held: Ok".to_owned()
        }
        1 => {
            drop(fill);
            "cache.fill dropped: Ok".to_owned()
        }
        2 => {
            let freshness = Freshness {
                stale_ms: choices.chance(2).then(|| choices.number()),
                ahead: choices.chance(2),
            };
            let kept = fill.stale();
            let told = fill.complete_fresh(&value, &options, freshness);
            format!("{} {}", said("cache.complete-fresh", told), kept.is_some())
        }
        3 => {
            let first = fill.complete(&value, &options);
            let second = fill.complete(&value, &options);
            format!(
                "{}, {}",
                said("cache.complete", first),
                said("again", second)
            )
        }
        _ => said("cache.complete", fill.complete(&value, &options)),
    }
}

fn counted(choices: &mut Choices<'_>) -> String {
    let name = choices.name();
    match choices.chance(4) {
        true => said("counter.reset", counter::reset(&name)),
        false => {
            let by = choices.number() as u32;
            said("counter.add", counter::add(&name, by, choices.number()))
        }
    }
}

fn optional(choices: &mut Choices<'_>) -> Option<Vec<u8>> {
    choices.chance(3).then(|| choices.bson())
}

fn read(choices: &mut Choices<'_>) -> String {
    let of = choices.collection();
    let filter = choices.bson();
    match choices.byte() % 5 {
        0 => {
            let options = FindOptions {
                projection: optional(choices),
                sort: optional(choices),
                skip: choices.number() as u32,
                limit: *choices.one(&[1, 10, 1_000, 0, 1_001, u32::MAX]),
                cursor: choices.chance(4).then(|| choices.name()),
            };
            said("documents.find", documents::find(&of, &filter, &options))
        }
        1 => {
            let projection = optional(choices);
            said(
                "documents.find-one",
                documents::find_one(&of, &filter, projection.as_deref()),
            )
        }
        2 => said("documents.count", documents::count(&of, &filter)),
        3 => {
            let field = choices.name();
            said(
                "documents.distinct",
                documents::distinct(&of, &field, &filter),
            )
        }
        _ => {
            let count = choices.byte() % 4;
            let pipeline: Vec<_> = (0..count).map(|_| choices.stage_bson()).collect();
            said("documents.aggregate", documents::aggregate(&of, &pipeline))
        }
    }
}

fn update(choices: &mut Choices<'_>) -> UpdateOptions {
    UpdateOptions {
        many: choices.chance(2),
        upsert: choices.chance(4),
    }
}

fn written(choices: &mut Choices<'_>) -> String {
    let of = choices.collection();
    match choices.byte() % 5 {
        0 => {
            let count = choices.byte() % 4;
            let inserted: Vec<_> = (0..count).map(|_| choices.bson()).collect();
            said("documents.insert", documents::insert(&of, &inserted))
        }
        1 => {
            let (filter, change) = (choices.bson(), choices.bson());
            said(
                "documents.update",
                documents::update(&of, &filter, &change, update(choices)),
            )
        }
        2 => {
            let (filter, change) = (choices.bson(), choices.bson());
            let options = FindAndUpdateOptions {
                projection: optional(choices),
                sort: optional(choices),
                upsert: choices.chance(4),
                return_new: choices.chance(2),
            };
            let told = documents::find_one_and_update(&of, &filter, &change, &options);
            said("documents.find-one-and-update", told)
        }
        3 => said(
            "documents.delete",
            documents::delete(&of, &choices.bson(), choices.chance(2)),
        ),
        _ => {
            let count = *choices.one(&[0, 1, 2, 3, 101]);
            let writes: Vec<_> = (0..count).map(|_| write(choices)).collect();
            said("documents.commit", documents::commit(&writes))
        }
    }
}

fn write(choices: &mut Choices<'_>) -> Write {
    Write {
        collection: choices.collection(),
        operation: match choices.byte() % 3 {
            0 => Operation::Insert(vec![choices.bson()]),
            1 => Operation::Update((choices.bson(), choices.bson(), update(choices))),
            _ => Operation::Delete((choices.bson(), choices.chance(2))),
        },
        expected: choices.chance(3).then(|| choices.number()),
    }
}

fn measured(choices: &mut Choices<'_>) -> String {
    let name = match choices.chance(2) {
        true => choices.name(),
        false => format!("caprice.n{}", choices.byte() % 8),
    };
    let count = *choices.one(&[0, 1, 4, 5, 100]);
    let labels: Vec<_> = (0..count)
        .map(|_| (choices.name(), choices.name()))
        .collect();
    let number = f64::from_bits(choices.number());
    match choices.byte() % 3 {
        0 => said(
            "metrics.increment",
            metrics::increment(&name, choices.number(), &labels),
        ),
        1 => said("metrics.timing", metrics::timing(&name, number, &labels)),
        _ => said("metrics.gauge", metrics::gauge(&name, number, &labels)),
    }
}

async fn elsewhere(choices: &mut Choices<'_>, receiver: &str) -> String {
    let name = choices.name();
    if choices.chance(2) {
        let url = match choices.byte() % 4 {
            0 => name,
            1 => format!("http://denied.example/{name}"),
            2 => format!("{receiver}/{name}"),
            _ => receiver.to_owned(),
        };
        let odd = [
            "x-odd",
            "host",
            "content-length",
            "transfer-encoding",
            "a b",
            "",
        ];
        let header = *choices.one(&odd);
        let headers = [(header, choices.name())];
        let body = String::from_utf8_lossy(&choices.value()).into_owned();
        let patience = Duration::from_millis(200);
        return said(
            "outbound.post",
            outbound::post(&url, &headers, body, patience).await,
        );
    }
    let label = if choices.chance(4) {
        name.as_str()
    } else {
        "caprice"
    };
    let store = match Store::open(label).await {
        Ok(store) => store,
        Err(error) => return said("store.open", Err::<(), _>(error)),
    };
    let key = choices.name();
    match choices.byte() % 4 {
        0 => said("store.get", store.get(&key).await),
        1 => said("store.set", store.set(&key, choices.value()).await),
        2 => said("store.delete", store.delete(&key).await),
        _ => said("store.exists", store.exists(&key).await),
    }
}
