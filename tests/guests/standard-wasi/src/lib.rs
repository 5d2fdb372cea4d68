//! Calls `wasi:config`, `wasi:keyvalue` and Spin 2's interfaces, which no SDK wraps, and says what each told it.

use bindings::fermyon::spin::{key_value as key_value_v2, variables as variables_v2};
use bindings::wasi::config::store as config;
use bindings::wasi::keyvalue::{atomics, batch, store};
use serde_json::{Value, json};
use trm_sdk::{Answer, Problem, Request, response};

mod bindings {
    spin_sdk::wit_bindgen::generate!({
        inline: "
            package guest:wasi;
            world calls {
                import wasi:config/store@0.2.0-draft-2024-09-27;
                import wasi:keyvalue/store@0.2.0-draft2;
                import wasi:keyvalue/atomics@0.2.0-draft2;
                import wasi:keyvalue/batch@0.2.0-draft2;
                import fermyon:spin/variables@2.0.0;
                import fermyon:spin/key-value@2.0.0;
            }
        ",
        world: "guest:wasi/calls",
        path: "../../../host/runtime/wit",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
        generate_all,
    });
}

trm_sdk::function!(run);

async fn run(request: Request) -> Answer {
    let query = request.query(&["store", "key", "value"])?;
    let of = |name: &str| query.get(name).unwrap_or_default().to_owned();
    let told = match request.path() {
        "/standard-wasi/config" => Ok(json!({
            "one": config::get(&of("key")).ok().flatten(),
            "all": config::get_all().unwrap_or_default(),
            "v2": format!("{:?}", variables_v2::get(&of("key"))),
        })),
        "/standard-wasi/increment" => increment(&of("store"), &of("key")),
        "/standard-wasi/swap" => swap(&of("store"), &of("key"), of("value").as_bytes()),
        "/standard-wasi/batch" => many(&of("store")),
        "/standard-wasi/v2" => v2(&of("store"), &of("key"), of("value").as_bytes()),
        other => return Err(Problem::not_found(other)),
    };
    response::json(&told.unwrap_or_else(|error| json!({"error": error})))
}

fn increment(label: &str, key: &str) -> Result<Value, String> {
    let bucket = store::open(label).map_err(|error| format!("{error:?}"))?;
    let sum = atomics::increment(&bucket, key, 1).map_err(|error| format!("{error:?}"))?;
    Ok(json!(sum))
}

/// Swaps twice with the same reading: the second must fail.
fn swap(label: &str, key: &str, value: &[u8]) -> Result<Value, String> {
    let said = |error: store::Error| format!("{error:?}");
    let bucket = store::open(label).map_err(said)?;
    let one = atomics::Cas::new(&bucket, key).map_err(said)?;
    let two = atomics::Cas::new(&bucket, key).map_err(said)?;
    let first = atomics::swap(one, value).is_ok();
    let (second, third) = match atomics::swap(two, b"lost") {
        Ok(()) => (true, true),
        Err(atomics::CasError::CasFailed(newer)) => {
            let now = newer.current().map_err(said)?;
            (
                now.as_deref() != Some(value),
                atomics::swap(newer, b"third").is_ok(),
            )
        }
        Err(atomics::CasError::StoreError(error)) => return Err(said(error)),
    };
    Ok(json!([first, second, third]))
}

fn many(label: &str) -> Result<Value, String> {
    let said = |error: store::Error| format!("{error:?}");
    let bucket = store::open(label).map_err(said)?;
    let pairs: Vec<_> = ["b", "a", "c"]
        .map(|key| (key.to_owned(), key.as_bytes().to_vec()))
        .into();
    batch::set_many(&bucket, &pairs).map_err(said)?;
    batch::delete_many(&bucket, &["c".to_owned()]).map_err(said)?;
    let found = batch::get_many(&bucket, &["a".to_owned(), "c".to_owned()]).map_err(said)?;
    let there: Vec<bool> = found.iter().map(|(_, value)| value.is_some()).collect();
    let page = bucket.list_keys(None).map_err(said)?;
    Ok(json!({"there": there, "keys": page.keys, "cursor": page.cursor}))
}

fn v2(label: &str, key: &str, value: &[u8]) -> Result<Value, String> {
    let said = |error: key_value_v2::Error| format!("{error:?}");
    let store = key_value_v2::Store::open(label).map_err(said)?;
    store.set(key, value).map_err(said)?;
    let kept = store.get(key).map_err(said)? == Some(value.to_vec());
    let listed = store
        .get_keys()
        .map_err(said)?
        .iter()
        .any(|listed| listed == key);
    store.delete(key).map_err(said)?;
    Ok(json!([kept, listed, store.exists(key).map_err(said)?]))
}
