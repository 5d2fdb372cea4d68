//! Named stores of keys and values: kept for good in the origin, read through the cache; decides no grants.

use bson::oid::ObjectId;
use bson::spec::BinarySubtype;
use bson::{Binary, Bson, Document, RawDocumentBuf, doc};
use bytes::Bytes;
use std::time::Instant;
use trm_cache::Cache;
use trm_cache::Lookup;
use trm_document_stores::FindAndUpdateOptions;
use trm_document_stores::FindOptions;
use trm_document_stores::Origin;
use trm_document_stores::OriginError;
use trm_document_stores::UpdateOptions;

/// The longest key and value.
const MAX_KEY: usize = 512;
const MAX_VALUE: usize = 1 << 20;
/// Keys of one page.
const PAGE: u32 = 1_000;
/// How often an increment or a swap that lost a race tries again.
const TRIES: usize = 64;

/// One store. Its documents are `{_id: key, v: value, r: revision}`; every write makes a new revision.
/// A number that was incremented is a BSON integer there, and reads as its decimal text.
pub struct KeyValue<'a> {
    cache: &'a Cache,
    origin: &'a Origin,
    label: &'a str,
    collection: String,
}

/// A value and the revision that it had when it was read.
#[derive(Clone, Debug)]
pub struct Revision {
    /// The value; none where there was none.
    pub value: Option<Vec<u8>>,
    revision: Option<ObjectId>,
}

/// Why a call failed, to be read by the guest's author.
#[derive(Debug, thiserror::Error)]
pub enum KeyValueError {
    /// What is asked cannot be.
    #[error("{0}")]
    Invalid(String),
    /// The origin failed.
    #[error(transparent)]
    Origin(#[from] OriginError),
}

type Outcome<T> = Result<T, KeyValueError>;

impl<'a> KeyValue<'a> {
    /// The store of a label.
    pub fn new(cache: &'a Cache, origin: &'a Origin, label: &'a str) -> Self {
        Self {
            cache,
            origin,
            label,
            // No grant of documents can name it: `trm_` is the host's own.
            collection: format!("trm_kv_{label}"),
        }
    }

    /// The value of a key.
    pub async fn get(&self, key: &str, deadline: Instant) -> Outcome<Option<Vec<u8>>> {
        check_key(key)?;
        let fill = match self.cache.get_or_fill(&self.cached(key), deadline).await {
            Ok(Lookup::Hit(kept)) => return Ok(unpack(&kept)),
            Ok(Lookup::Fill(fill)) => Some(fill),
            // A key too long to be cached, or a cache at its bound: the origin answers.
            Err(_) => None,
        };
        let value = self.read(key, deadline).await?.value;
        if let Some(fill) = fill
            && let Err(error) = fill
                .complete(pack(value.as_deref()), Default::default(), deadline)
                .await
        {
            tracing::debug!(label = self.label, "a value is not cached: {error}");
        }
        Ok(value)
    }

    /// Sets a value.
    pub async fn set(&self, key: &str, value: Vec<u8>, deadline: Instant) -> Outcome<()> {
        check_key(key)?;
        check_value(&value)?;
        let update = doc! {"$set": {"v": binary(value), "r": ObjectId::new()}};
        let options = UpdateOptions {
            many: false,
            upsert: true,
        };
        let filter = raw(&doc! {"_id": key})?;
        let done = self
            .origin
            .update(&self.collection, filter, raw(&update)?, options, deadline)
            .await;
        self.forget(key, deadline).await?;
        done?;
        Ok(())
    }

    /// Deletes a key, where it is.
    pub async fn delete(&self, key: &str, deadline: Instant) -> Outcome<()> {
        check_key(key)?;
        let filter = raw(&doc! {"_id": key})?;
        let done = self
            .origin
            .delete(&self.collection, filter, false, deadline)
            .await;
        self.forget(key, deadline).await?;
        done?;
        Ok(())
    }

    /// A page of the keys in order, and the cursor of the next one.
    pub async fn keys(
        &self,
        cursor: Option<String>,
        deadline: Instant,
    ) -> Outcome<(Vec<String>, Option<String>)> {
        let options = FindOptions {
            projection: Some(raw(&doc! {"_id": 1})?),
            sort: Some(raw(&doc! {"_id": 1})?),
            skip: 0,
            limit: PAGE,
            cursor,
        };
        let page = self
            .origin
            .find(&self.collection, raw(&doc! {})?, options, deadline)
            .await?;
        let keys = page
            .documents
            .iter()
            .filter_map(|found| found.get_str("_id").ok().map(str::to_owned));
        Ok((keys.collect(), page.next))
    }

    /// Adds to the number of a key, which is 0 where there is none; the sum.
    pub async fn increment(&self, key: &str, by: i64, deadline: Instant) -> Outcome<i64> {
        check_key(key)?;
        for _ in 0..TRIES {
            if let Some(sum) = self.add(key, by, deadline).await? {
                return Ok(sum);
            }
            // None yet, or a text that a caller set: it becomes a number once.
            let now = self.read(key, deadline).await?;
            let sum = number(now.value.as_deref())?
                .checked_add(by)
                .ok_or_else(|| KeyValueError::Invalid("the sum is over 64 bits".to_owned()))?;
            if self.replace(key, &now, Bson::Int64(sum), deadline).await? {
                return Ok(sum);
            }
        }
        Err(busy(key))
    }

    /// Adds to a number that is there already, in one step of the origin's.
    async fn add(&self, key: &str, by: i64, deadline: Instant) -> Outcome<Option<i64>> {
        // A range holds values of its own type only, so no other value matches.
        let filter = raw(&doc! {"_id": key, "v": {"$gte": i64::MIN}})?;
        let update = raw(&doc! {"$inc": {"v": by}, "$set": {"r": ObjectId::new()}})?;
        let options = FindAndUpdateOptions {
            return_new: true,
            ..FindAndUpdateOptions::default()
        };
        let added = self
            .origin
            .find_one_and_update(&self.collection, filter, update, options, deadline)
            .await?;
        let Some(added) = added else { return Ok(None) };
        self.forget(key, deadline).await?;
        let sum = added.get_i64("v");
        sum.map(Some)
            .map_err(|error| KeyValueError::Invalid(error.to_string()))
    }

    /// The value as it is now, for a later [`swap`](Self::swap).
    pub async fn read(&self, key: &str, deadline: Instant) -> Outcome<Revision> {
        check_key(key)?;
        let filter = raw(&doc! {"_id": key})?;
        let found = self
            .origin
            .find_one(&self.collection, filter, None, deadline)
            .await?;
        let Some(found) = found else {
            return Ok(Revision {
                value: None,
                revision: None,
            });
        };
        let found = Document::try_from(found.as_ref())
            .map_err(|error| KeyValueError::Invalid(error.to_string()))?;
        let value = match found.get("v") {
            Some(Bson::Binary(value)) => value.bytes.clone(),
            Some(Bson::Int64(value)) => value.to_string().into_bytes(),
            _ => Vec::new(),
        };
        Ok(Revision {
            value: Some(value),
            revision: found.get_object_id("r").ok(),
        })
    }

    /// Sets a value, if nobody has written the key since `old` was read; whether it did.
    pub async fn swap(
        &self,
        key: &str,
        old: &Revision,
        value: Vec<u8>,
        deadline: Instant,
    ) -> Outcome<bool> {
        check_value(&value)?;
        self.replace(key, old, binary(value), deadline).await
    }

    async fn replace(
        &self,
        key: &str,
        old: &Revision,
        value: Bson,
        deadline: Instant,
    ) -> Outcome<bool> {
        let revision = ObjectId::new();
        let replaced = match old.revision {
            Some(known) => {
                let filter = raw(&doc! {"_id": key, "r": known})?;
                let update = raw(&doc! {"$set": {"v": value, "r": revision}})?;
                let options = UpdateOptions::default();
                let done = self
                    .origin
                    .update(&self.collection, filter, update, options, deadline)
                    .await?;
                done.matched == 1
            }
            None => {
                let made = raw(&doc! {"_id": key, "v": value, "r": revision})?;
                let made = self
                    .origin
                    .insert(&self.collection, vec![made], deadline)
                    .await;
                match made {
                    Ok(_) => true,
                    Err(OriginError::DuplicateKey(_)) => false,
                    Err(error) => return Err(error.into()),
                }
            }
        };
        self.forget(key, deadline).await?;
        Ok(replaced)
    }

    fn cached(&self, key: &str) -> String {
        format!("trm:kv:{}:{key}", self.label)
    }

    /// Every host reads the key anew.
    async fn forget(&self, key: &str, deadline: Instant) -> Outcome<()> {
        let cached = self.cached(key);
        if cached.len() > MAX_KEY {
            return Ok(());
        }
        let forgotten = self.cache.delete(&cached, deadline).await;
        forgotten.map_err(|error| {
            KeyValueError::Invalid(format!(
                "written, but other hosts may serve the value before it for a while: {error}"
            ))
        })
    }
}

fn check_key(key: &str) -> Outcome<()> {
    match key.len() {
        1..=MAX_KEY if !key.contains('\0') => Ok(()),
        length => Err(KeyValueError::Invalid(format!(
            "a key has 1 to {MAX_KEY} bytes and no NUL; this one has {length}"
        ))),
    }
}

fn check_value(value: &[u8]) -> Outcome<()> {
    match value.len() {
        0..=MAX_VALUE => Ok(()),
        length => Err(KeyValueError::Invalid(format!(
            "a value has at most {MAX_VALUE} bytes; this one has {length}"
        ))),
    }
}

fn busy(key: &str) -> KeyValueError {
    KeyValueError::Invalid(format!("\"{key}\" changes too often to be incremented"))
}

fn number(value: Option<&[u8]>) -> Outcome<i64> {
    let Some(value) = value else { return Ok(0) };
    std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| KeyValueError::Invalid("the value is not a decimal number".to_owned()))
}

fn binary(bytes: Vec<u8>) -> Bson {
    Bson::Binary(Binary {
        subtype: BinarySubtype::Generic,
        bytes,
    })
}

fn raw(document: &Document) -> Outcome<RawDocumentBuf> {
    RawDocumentBuf::try_from(document).map_err(|error| KeyValueError::Invalid(error.to_string()))
}

/// A cached value: a byte that says whether there is one, then the value.
fn pack(value: Option<&[u8]>) -> Bytes {
    match value {
        Some(value) => [&[1], value].concat().into(),
        None => Bytes::from_static(&[0]),
    }
}

fn unpack(kept: &[u8]) -> Option<Vec<u8>> {
    match kept.split_first() {
        Some((1, value)) => Some(value.to_vec()),
        _ => None,
    }
}
