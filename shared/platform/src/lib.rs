//! `trm:platform` for Spin: documents, cache and counters in one SQLite database that Spin lends; serves no route.
//!
//! `README.md` beside it says how it is used, and where it differs from TRM's host.

mod cache;
mod counter;
mod database;
mod documents;
mod entries;
mod metrics;
mod prepare;

mod bindings {
    //! The component's side of `shared/wit` and of Spin, generated. Both are called synchronously: what a function
    //! asks is answered before it goes on.
    spin_sdk::wit_bindgen::generate!({
        path: ["../wit", "wit"],
        world: "trm:spin/platform",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
        async: false,
        generate_all,
    });

    export!(Platform);

    use super::Platform;
}

/// What the component exports.
struct Platform;

/// Now, in UTC milliseconds.
fn now() -> i64 {
    bson::DateTime::now().timestamp_millis()
}
