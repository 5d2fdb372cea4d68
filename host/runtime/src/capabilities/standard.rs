//! The host's side of the standard interfaces in `host/runtime/wit`, generated, and linked; serves none itself.

use super::CapabilitiesView;
use super::HasCapabilities;
use wasmtime::component::Linker;

mod bindings {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "trm:host/standard",
        imports: { default: async | trappable },
        with: {
            "spin:key-value/key-value.store": crate::capabilities::key_value::Store,
            "fermyon:spin/key-value.store": crate::capabilities::key_value::Store,
            "wasi:keyvalue/store.bucket": crate::capabilities::key_value::Store,
            "wasi:keyvalue/atomics.cas": crate::capabilities::wasi_keyvalue::Cas,
            "spin:redis/redis.connection": crate::capabilities::redis::Connection,
        },
    });
}

pub(super) use bindings::fermyon::spin::key_value as key_value_v2;
pub(super) use bindings::fermyon::spin::variables as variables_v2;
pub(super) use bindings::spin::key_value::key_value;
pub(super) use bindings::spin::redis::redis as redis_commands;
pub(super) use bindings::spin::variables::variables;
pub(super) use bindings::wasi::config::store as config;
pub(super) use bindings::wasi::keyvalue::atomics;
pub(super) use bindings::wasi::keyvalue::batch;
pub(super) use bindings::wasi::keyvalue::store as keyvalue;

/// Adds them to a linker.
pub(super) fn link<T: Send + 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> CapabilitiesView<'_>,
) -> wasmtime::Result<()> {
    variables::add_to_linker::<T, HasCapabilities>(linker, view)?;
    variables_v2::add_to_linker::<T, HasCapabilities>(linker, view)?;
    config::add_to_linker::<T, HasCapabilities>(linker, view)?;
    key_value::add_to_linker::<T, HasCapabilities>(linker, view)?;
    key_value_v2::add_to_linker::<T, HasCapabilities>(linker, view)?;
    keyvalue::add_to_linker::<T, HasCapabilities>(linker, view)?;
    atomics::add_to_linker::<T, HasCapabilities>(linker, view)?;
    batch::add_to_linker::<T, HasCapabilities>(linker, view)?;
    redis_commands::add_to_linker::<T, HasCapabilities>(linker, view)
}
