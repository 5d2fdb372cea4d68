//! What of the host and of the SDK the targets reach, compiled alone: their own files, doors to what is private in them, and
//! stand-ins for what they only name; tests nothing.
#![allow(
    dead_code,
    missing_docs,
    reason = "whoever calls them is not here, and each says in its own crate what it is"
)]

pub mod choices;
pub mod exchange;

// Of the host.
#[path = "../../host/src/grants.rs"]
pub mod grants;
#[path = "../../host/src/manifest/mod.rs"]
pub mod manifest;
#[path = "../../host/src/router.rs"]
pub mod router;
#[path = "../../host/src/variables.rs"]
pub mod variables;

/// The way out, without what connects.
#[path = "../../host/src/outbound"]
pub mod outbound {
    pub mod reach;
}

/// The edge cache's rules without its tiers.
#[path = "../../host/src/edge"]
pub mod edge {
    pub mod directives;
    pub mod range;
    pub mod rules;
    pub mod stored;
}

/// The form of what is kept in Redis, without what asks it.
#[path = "../../host/src/storage"]
pub mod storage {
    pub mod barriers;

    #[path = "l2"]
    pub mod l2 {
        pub mod entry;

        use super::barriers::Stamp;

        fn unexpected(what: &'static str) -> redis::RedisError {
            (redis::ErrorKind::UnexpectedReturnType, what).into()
        }

        /// What the lookup's script answered.
        pub fn read(answer: Vec<redis::Value>) -> Result<entry::Found, redis::RedisError> {
            entry::read(answer)
        }

        /// A value as it is kept.
        pub fn pack(value: &[u8], above: usize) -> Option<Vec<u8>> {
            entry::pack(value, above)
        }
    }

    /// SQLite as the host lends it to `trm-documents`.
    #[path = "origin/sqlite"]
    pub mod sqlite {
        mod connection;

        /// Asks something of one connection.
        pub fn lend<A>(
            connection: &rusqlite::Connection,
            ask: impl FnOnce(&dyn trm_documents::Sql) -> A,
        ) -> A {
            ask(&connection::Lent(connection))
        }
    }
}

/// The form of requests.
#[path = "../../host/src/service"]
pub mod service {
    mod form;

    /// Whether a request's head is taken.
    pub fn is_taken(head: &http::request::Parts) -> bool {
        form::check(head).is_ok()
    }
}

/// Traces, and what a log never shows.
#[path = "../../host/src/telemetry"]
pub mod telemetry {
    mod redact;
    pub mod traceparent;

    /// A line as it is logged where these are secrets.
    pub fn clean(secrets: &[String], line: &str) -> String {
        redact::Redacting::new(secrets).clean(line).into_owned()
    }
}

/// The boundary of documents.
#[path = "../../host/src/capabilities/documents"]
pub mod pipelines {
    mod pipeline;

    /// The errors of `trm:platform/documents` that it answers with.
    #[derive(Debug)]
    pub enum Error {
        Invalid(String),
        Denied(String),
    }

    /// The collections that a pipeline reaches.
    pub fn foreign(pipeline: &[bson::RawDocumentBuf]) -> Result<Vec<String>, Error> {
        let found = pipeline::foreign_collections(pipeline)?;
        Ok(found.into_iter().map(|(_, name)| name).collect())
    }
}

/// In place of the host's errors, of which the form of requests knows one.
mod error {
    #[derive(Debug)]
    pub enum RequestError {
        Malformed { fault: &'static str },
    }
}

/// In place of the host's metrics and pools, of which the router keeps and names some.
pub mod metrics {
    pub struct Series;
}
pub mod pool {
    pub struct Pool(pub String);

    impl Pool {
        pub fn function(&self) -> &str {
            &self.0
        }
    }
}

// Of the SDK.
#[path = "../../shared/sdk/src/headers.rs"]
mod headers;
#[path = "../../shared/sdk/src/identifier.rs"]
pub mod identifier;
#[path = "../../shared/sdk/src/kept.rs"]
mod kept;
#[path = "../../shared/sdk/src/problem.rs"]
pub mod problem;
#[path = "../../shared/sdk/src/query.rs"]
pub mod query;
#[path = "../../shared/sdk/src/request.rs"]
pub mod request;
#[path = "../../shared/sdk/src/response.rs"]
pub mod response;
#[path = "../../shared/sdk/src/revision.rs"]
pub mod revision;
#[path = "../../shared/sdk/src/signing.rs"]
pub mod signing;
#[path = "../../shared/sdk/src/time.rs"]
mod time;
#[path = "../../shared/sdk/src/view/mod.rs"]
pub mod view;

/// A request whose headers came as this section; which of the names it mentions, too.
pub fn sectioned(section: Vec<u8>, names: &[&str]) -> (request::Request, Vec<bool>) {
    let request = request::Request {
        headers: headers::Headers::section(section),
        ..request::Request::default()
    };
    let mentions = names.iter().map(|name| request.headers.mention(name));
    let mentions = mentions.collect();
    (request, mentions)
}

/// In place of the SDK's bindings, of whose errors problems are made.
mod documents {
    #[derive(Debug)]
    pub enum Error {
        Invalid(String),
        Unsupported(String),
        DuplicateKey(String),
        Conflict(u32),
        DeadlineExceeded,
        Unavailable(u32),
        Internal,
    }
}
mod counter {
    #[derive(Debug)]
    pub struct Error;
}
mod cache {
    #[derive(Debug)]
    pub enum Error {
        DeadlineExceeded,
        Saturated,
        Unavailable(String),
        Invalid(String),
    }
}
