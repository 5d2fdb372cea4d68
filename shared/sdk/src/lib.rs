//! What a function author reads: requests, answers, the cache, documents, metrics; knows no marketplace.
//!
//! A function is one `async fn(Request) -> Answer`, exported by [`function!`].

#[cfg(any(target_arch = "wasm32", test))]
mod allocator;
pub mod cache;
pub mod counter;
pub mod documents;
pub mod handler;
pub mod headers;
pub mod idempotency;
pub mod identifier;
pub mod kept;
pub mod list;
mod message;
pub mod metrics;
pub mod outbound;
pub mod password;
pub mod problem;
pub mod query;
pub mod random;
pub mod request;
pub mod response;
pub mod revision;
pub mod signing;
pub mod time;
pub mod variables;
pub mod view;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: allocator::Lists = allocator::Lists::new();

#[doc(hidden)]
pub mod bindings {
    //! The guest's side of `shared/wit`, generated. Capabilities are called synchronously: most
    //! find their answer ready, and such a call costs no event loop. In an instance that takes several requests
    //! nobody else gets on meanwhile.
    spin_sdk::wit_bindgen::generate!({
        path: "../wit",
        world: "trm:platform/function",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
        async: ["export:trm:platform/messages@0.1.0#handle", "-all"],
        pub_export_macro: true,
        export_macro_name: "export_handler",
    });
}

pub use bson;
pub use bson::doc;
pub use bytes::Bytes;
pub use http;
pub use http::Method;
pub use problem::Problem;
pub use query::Query;
pub use request::Request;
pub use response::Answer;
pub use response::Response;
