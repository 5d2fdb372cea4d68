//! `trm:platform/documents`: MongoDB's query language over typed documents; builds no query itself.

pub use crate::bindings::trm::platform::documents::Error;
use crate::bindings::trm::platform::documents::{self as host, FindAndUpdateOptions, FindOptions};
use bson::Document;
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

impl Collection {
    /// A page of the matches.
    pub async fn find<T: DeserializeOwned>(
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
    pub async fn find_one<T: DeserializeOwned>(
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
    pub async fn aggregate<T: DeserializeOwned>(
        self,
        pipeline: &[Document],
    ) -> Result<Vec<T>, Error> {
        let pipeline = pipeline.iter().map(bytes).collect::<Result<Vec<_>, _>>()?;
        let found = host::aggregate(self.0, &pipeline)?;
        found.iter().map(|found| read(found)).collect()
    }

    /// Inserts one document, which brings its own `_id`.
    pub async fn insert<T: Serialize>(self, document: &T) -> Result<(), Error> {
        host::insert(self.0, &[bytes(document)?]).map(drop)
    }

    /// Updates the first match and returns it as it is then.
    pub async fn update_one<T: DeserializeOwned>(
        self,
        filter: Document,
        update: Document,
    ) -> Result<Option<T>, Error> {
        let options = FindAndUpdateOptions {
            projection: None,
            sort: None,
            upsert: false,
            return_new: true,
        };
        let (filter, update) = (bytes(&filter)?, bytes(&update)?);
        let found = host::find_one_and_update(self.0, &filter, &update, &options)?;
        found.map(|found| read(&found)).transpose()
    }

    /// Deletes the first match; whether there was one.
    pub async fn delete_one(self, filter: Document) -> Result<bool, Error> {
        Ok(host::delete(self.0, &bytes(&filter)?, false)? > 0)
    }
}

fn bytes<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    bson::serialize_to_vec(value).map_err(|error| Error::Invalid(error.to_string()))
}

fn optional(value: Option<Document>) -> Result<Option<Vec<u8>>, Error> {
    value.as_ref().map(bytes).transpose()
}

/// A document that does not fit its type was written by something else: a fault of the data.
fn read<T: DeserializeOwned>(document: &[u8]) -> Result<T, Error> {
    bson::deserialize_from_slice(document).map_err(|error| {
        eprintln!("a stored document does not fit its type: {error}");
        Error::Internal
    })
}
