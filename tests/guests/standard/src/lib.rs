//! Calls Spin's own interfaces through spin-sdk's own API, and says what each told it.

use serde_json::{Value, json};
use spin_sdk::key_value::Store;
use spin_sdk::redis::{Connection, RedisParameter};
use std::time::Duration;
use trm_sdk::{Answer, Problem, Request, counter, response};

trm_sdk::function!(run);

async fn run(request: Request) -> Answer {
    let query = request.query(&["name", "store", "key", "value", "address", "by", "window"])?;
    let of = |name: &str| query.get(name).unwrap_or_default().to_owned();
    let told: Value = match request.path() {
        "/standard/variable" => match spin_sdk::variables::get(of("name")).await {
            Ok(value) => json!(value),
            Err(error) => json!({"error": format!("{error:?}")}),
        },
        "/standard/get" | "/standard/set" | "/standard/delete" | "/standard/keys" => {
            match key_value(request.path(), &of("store"), &of("key"), &of("value")).await {
                Ok(told) => told,
                Err(error) => json!({"error": format!("{error:?}")}),
            }
        }
        "/standard/redis" => match redis(&of("address"), &of("key")).await {
            Ok(told) => told,
            Err(error) => json!({"error": format!("{error:?}")}),
        },
        "/standard/count" => {
            let by: u32 = query.number("by", 1, 0, 100)?;
            let window: u32 = query.number("window", 60_000, 1, 60_000)?;
            let window = Duration::from_millis(window.into());
            match counter::add(&of("key"), by, window).await {
                Ok(counted) => json!(counted.value),
                Err(error) => json!({"error": format!("{error:?}")}),
            }
        }
        other => return Err(Problem::not_found(other)),
    };
    response::json(&told)
}

async fn key_value(
    path: &str,
    store: &str,
    key: &str,
    value: &str,
) -> Result<Value, spin_sdk::key_value::Error> {
    let store = Store::open(store).await?;
    Ok(match path {
        "/standard/set" => {
            store.set(key, value).await?;
            json!(store.exists(key).await?)
        }
        "/standard/delete" => {
            store.delete(key).await?;
            json!(store.exists(key).await?)
        }
        "/standard/keys" => json!(store.get_keys().await.collect().await?),
        _ => {
            let value = store.get(key).await?;
            json!(value.map(|value| String::from_utf8_lossy(&value).into_owned()))
        }
    })
}

async fn redis(address: &str, key: &str) -> Result<Value, spin_sdk::redis::Error> {
    let connection = Connection::open(address).await?;
    connection.set(key, "4").await?;
    let sum = connection.incr(key).await?;
    let value = connection.get(key).await?;
    let set = format!("{key}-set");
    let added = connection.sadd(&set, ["a", "b"]).await?;
    connection.srem(&set, ["a"]).await?;
    let members = connection.smembers(&set).await?;
    let of_a_set = connection.get(&set).await;
    let arguments = [RedisParameter::Binary(key.as_bytes().to_vec())];
    let length = connection.execute("strlen", arguments).await?;
    let refused = connection
        .execute("subscribe", [RedisParameter::Int64(1)])
        .await;
    connection.publish("nobody", "x").await?;
    Ok(json!({
        "sum": sum,
        "value": value.map(|value| String::from_utf8_lossy(&value).into_owned()),
        "added": added,
        "members": members,
        "wrongType": format!("{of_a_set:?}"),
        "length": format!("{length:?}"),
        "refused": format!("{refused:?}"),
        "deleted": connection.del([key, &set]).await?,
    }))
}
