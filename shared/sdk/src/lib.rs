//! What a function author reads: requests, answers, the cache, documents, metrics; knows no marketplace.
//!
//! A function is one `async fn(Request) -> Answer`, exported by [`function!`] under spin-sdk's `http_service`.

pub mod cache;
pub mod documents;
pub mod door;
pub mod list;
pub mod metrics;
pub mod problem;
pub mod query;
pub mod request;
pub mod response;
pub mod time;
pub mod view;

mod bindings {
    //! The guest's side of `shared/wit`, generated.
    #![expect(missing_docs, reason = "generated; shared/wit documents it")]
    spin_sdk::wit_bindgen::generate!({
        path: "../wit",
        world: "trm:platform/capabilities",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
    });
}

pub use bson;
pub use bson::doc;
pub use bytes::Bytes;
pub use http::Method;
pub use problem::Problem;
pub use query::Query;
pub use request::Request;
pub use response::Answer;
pub use response::Response;
