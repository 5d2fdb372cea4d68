//! `trm:platform/documents`: MongoDB's query language over typed documents; builds no query itself.

mod bytes;
mod commit;

pub use crate::bindings::trm::platform::documents::Error;
use crate::bindings::trm::platform::documents::{
    self as host, FindAndUpdateOptions, FindOptions, UpdateOptions, UpdateResult,
};
use bson::{Bson, Document};
pub use bytes::{bytes, read};
pub use commit::{Write, Written, commit};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// One collection.
#[derive(Debug, Clone, Copy)]
pub struct Collection(&'static str);

/// The collection of a name.
pub const fn collection(name: &'static str) -> Collection {
    Collection(name)
}

/// What part of a query's matches is asked for, and in which order.
#[derive(Debug, Clone, Default)]
pub struct Find {
    /// The fields, as MongoDB's projection.
    pub projection: Option<Document>,
    /// The order, as MongoDB's sort.
    pub sort: Option<Document>,
    /// Matches to pass over.
    pub skip: u32,
    /// Matches to return, 1 to 1000.
    pub limit: u32,
    /// `next` of an earlier page, in place of `skip`.
    pub cursor: Option<String>,
}

/// A part of a query's matches.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The documents.
    pub documents: Vec<T>,
    /// The cursor of the next page, where there is one.
    pub next: Option<String>,
}

/// Which match an update takes, and what is returned of it.
#[derive(Debug, Clone, Default)]
pub struct FindAndUpdate {
    /// The fields, as MongoDB's projection.
    pub projection: Option<Document>,
    /// The order in which the first match is the one, as MongoDB's sort.
    pub sort: Option<Document>,
    /// Insert where nothing matches.
    pub upsert: bool,
    /// Return the document as it was before the update.
    pub return_old: bool,
}

/// What an update did.
#[derive(Debug, Clone, PartialEq)]
pub struct Updated {
    /// Documents that matched.
    pub matched: u64,
    /// Documents that are different now.
    pub modified: u64,
    /// The `_id` of the inserted document, after an upsert.
    pub upserted: Option<Bson>,
}

impl Collection {
    /// A page of the matches.
    pub async fn find<T: DeserializeOwned + 'static>(
        self,
        filter: Document,
        find: Find,
    ) -> Result<Page<T>, Error> {
        let options = FindOptions {
            projection: optional(find.projection)?,
            sort: optional(find.sort)?,
            skip: find.skip,
            limit: find.limit,
            cursor: find.cursor,
        };
        let page = host::find(self.0, &bytes(&filter)?, &options)?;
        let documents = page
            .documents
            .iter()
            .map(|found| read(found))
            .collect::<Result<_, _>>()?;
        Ok(Page {
            documents,
            next: page.next,
        })
    }

    /// The first match.
    pub async fn find_one<T: DeserializeOwned + 'static>(
        self,
        filter: Document,
        projection: Option<Document>,
    ) -> Result<Option<T>, Error> {
        let projection = optional(projection)?;
        let found = host::find_one(self.0, &bytes(&filter)?, projection.as_deref())?;
        found.map(|found| read(&found)).transpose()
    }

    /// How many match.
    pub async fn count(self, filter: Document) -> Result<u64, Error> {
        host::count(self.0, &bytes(&filter)?)
    }

    /// The results of a pipeline, at most 1000.
    pub async fn aggregate<T: DeserializeOwned + 'static>(
        self,
        pipeline: &[Document],
    ) -> Result<Vec<T>, Error> {
        let pipeline = pipeline.iter().map(bytes).collect::<Result<Vec<_>, _>>()?;
        let found = host::aggregate(self.0, &pipeline)?;
        found.iter().map(|found| read(found)).collect()
    }

    /// Each value of a field once; the elements of a list count one by one.
    pub async fn distinct<T: DeserializeOwned + 'static>(
        self,
        field: &str,
        filter: Document,
    ) -> Result<Vec<T>, Error> {
        #[derive(serde::Deserialize)]
        struct Values<T> {
            values: Vec<T>,
        }
        let found = host::distinct(self.0, field, &bytes(&filter)?)?;
        Ok(read::<Values<T>>(&found)?.values)
    }

    /// Inserts one document, which brings its own `_id`.
    pub async fn insert<T: Serialize + 'static>(self, document: &T) -> Result<(), Error> {
        self.insert_many(std::slice::from_ref(document))
            .await
            .map(drop)
    }

    /// Inserts documents; the `_id` of each, in order. One that has none is given an ObjectId.
    pub async fn insert_many<T: Serialize + 'static>(
        self,
        documents: &[T],
    ) -> Result<Vec<Bson>, Error> {
        let documents = documents.iter().map(bytes).collect::<Result<Vec<_>, _>>()?;
        let inserted = host::insert(self.0, &documents)?;
        inserted.iter().map(|found| id(found)).collect()
    }

    /// Updates the first match and returns it as it is then.
    pub async fn update_one<T: DeserializeOwned + 'static>(
        self,
        filter: Document,
        update: Document,
    ) -> Result<Option<T>, Error> {
        self.find_one_and_update(filter, update, FindAndUpdate::default())
            .await
    }

    /// Updates the first match, or inserts what the filter's equalities and the update make; returns it.
    pub async fn upsert_one<T: DeserializeOwned + 'static>(
        self,
        filter: Document,
        update: Document,
    ) -> Result<T, Error> {
        let how = FindAndUpdate {
            upsert: true,
            ..FindAndUpdate::default()
        };
        let made = self.find_one_and_update(filter, update, how).await?;
        made.ok_or(Error::Internal)
    }

    /// Updates one match and returns it as it is then, or as it was before.
    pub async fn find_one_and_update<T: DeserializeOwned + 'static>(
        self,
        filter: Document,
        update: Document,
        how: FindAndUpdate,
    ) -> Result<Option<T>, Error> {
        let options = FindAndUpdateOptions {
            projection: optional(how.projection)?,
            sort: optional(how.sort)?,
            upsert: how.upsert,
            return_new: !how.return_old,
        };
        let (filter, update) = (bytes(&filter)?, bytes(&update)?);
        let found = host::find_one_and_update(self.0, &filter, &update, &options)?;
        found.map(|found| read(&found)).transpose()
    }

    /// Updates every match.
    pub async fn update_many(self, filter: Document, update: Document) -> Result<Updated, Error> {
        let options = UpdateOptions {
            many: true,
            upsert: false,
        };
        let (filter, update) = (bytes(&filter)?, bytes(&update)?);
        host::update(self.0, &filter, &update, options)?.try_into()
    }

    /// Deletes the first match; whether there was one.
    pub async fn delete_one(self, filter: Document) -> Result<bool, Error> {
        Ok(host::delete(self.0, &bytes(&filter)?, false)? > 0)
    }

    /// Deletes every match; how many there were.
    pub async fn delete_many(self, filter: Document) -> Result<u64, Error> {
        host::delete(self.0, &bytes(&filter)?, true)
    }
}

impl TryFrom<UpdateResult> for Updated {
    type Error = Error;

    fn try_from(result: UpdateResult) -> Result<Self, Error> {
        Ok(Self {
            matched: result.matched,
            modified: result.modified,
            upserted: result.upserted.map(|found| id(&found)).transpose()?,
        })
    }
}

fn id(document: &[u8]) -> Result<Bson, Error> {
    let mut document: Document = read(document)?;
    document.remove("_id").ok_or(Error::Internal)
}

fn optional(value: Option<Document>) -> Result<Option<Vec<u8>>, Error> {
    value.as_ref().map(bytes).transpose()
}
