//! One job, through the cache, as JSON that anyone may see; answers nobody itself.

use crate::answer::Answer;
use crate::bindings::trm::platform::cache::{self, EntryOptions, Lookup};
use crate::bindings::trm::platform::documents;
use bson::oid::ObjectId;
use bson::{Bson, Document, doc};
use serde_json::{Map, Value};

pub fn show(id: &str) -> Result<Answer, Answer> {
    let id = ObjectId::parse_str(id).map_err(|_| {
        Answer::parameter(
            "id",
            &format!("\"{id}\" is not an identifier: 24 hexadecimal digits"),
        )
    })?;
    let tag = format!("job:{id}");
    let body = match cache::get_or_fill(&format!("wasi02:{id}")).map_err(Answer::failed)? {
        Lookup::Hit(body) => body,
        Lookup::Fill(fill) => {
            let body = load(id)?;
            let options = EntryOptions {
                ttl_ms: None,
                tags: vec![tag.clone()],
            };
            fill.complete(&body, &options).map_err(Answer::failed)?;
            body
        }
    };
    Ok(Answer::public(body, &tag))
}

fn load(id: ObjectId) -> Result<Vec<u8>, Answer> {
    let missing = || Answer::problem(404, &format!("there is no job {id}"));
    let filter = doc! {"_id": id}.to_vec().map_err(Answer::failed)?;
    let found = documents::find_one("jobs", &filter, None).map_err(Answer::failed)?;
    let job = Document::from_reader(&found.ok_or_else(missing)?[..]).map_err(Answer::failed)?;
    // A draft is no more there than a job that is not.
    if job.get_str("status").ok() == Some("draft") {
        return Err(missing());
    }
    serde_json::to_vec(&shown(Bson::Document(job))).map_err(Answer::failed)
}

/// A stored value as the API shows it: `_id` as `id`, identifiers and dates as text.
fn shown(value: Bson) -> Value {
    match value {
        Bson::Document(document) => {
            let name = |name: String| if name == "_id" { "id".to_owned() } else { name };
            let fields = document
                .into_iter()
                .map(|(key, value)| (name(key), shown(value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Bson::Array(values) => values.into_iter().map(shown).collect(),
        Bson::ObjectId(id) => id.to_hex().into(),
        Bson::DateTime(date) => date.try_to_rfc3339_string().unwrap_or_default().into(),
        Bson::Int32(number) => number.into(),
        Bson::Int64(number) => number.into(),
        Bson::Double(number) => number.into(),
        Bson::Boolean(truth) => truth.into(),
        Bson::String(text) => text.into(),
        Bson::Null => Value::Null,
        // Types that no function stores.
        other => other.to_string().into(),
    }
}
