//! Everything that a guest may import, in both forms of the contract; knows no function by name.

use crate::capabilities;
use crate::guest::GuestState;
use std::sync::OnceLock;
use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, InstancePre, Linker};

/// The linkers of a host. Whether a function of `trm:platform` is `async` is part of its type, and tools that
/// know no such functions leave the word out of their copy of the contract: their components are linked to
/// the same functions under that other type.
pub struct Linkers {
    engine: Engine,
    contract: Linker<GuestState>,
    /// Made for the first component that needs it.
    plain: OnceLock<Linker<GuestState>>,
}

impl Linkers {
    /// The linkers of an engine.
    pub fn new(engine: &Engine) -> wasmtime::Result<Self> {
        let mut contract = standard(engine)?;
        capabilities::link(&mut contract, GuestState::capabilities)?;
        Ok(Self {
            engine: engine.clone(),
            contract,
            plain: OnceLock::new(),
        })
    }

    /// Links a component to what it imports.
    pub fn link(&self, component: &Component) -> wasmtime::Result<InstancePre<GuestState>> {
        match is_plain(component, &self.engine) {
            true => self.plain()?.instantiate_pre(component),
            false => self.contract.instantiate_pre(component),
        }
    }

    fn plain(&self) -> wasmtime::Result<&Linker<GuestState>> {
        if let Some(made) = self.plain.get() {
            return Ok(made);
        }
        let mut plain = standard(&self.engine)?;
        capabilities::link_plain(&mut plain, GuestState::capabilities)?;
        Ok(self.plain.get_or_init(|| plain))
    }
}

/// WASI 0.2 and 0.3, and HTTP of both.
fn standard(engine: &Engine) -> wasmtime::Result<Linker<GuestState>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    Ok(linker)
}

/// Whether a component's copy of the contract leaves out `async`.
fn is_plain(component: &Component, engine: &Engine) -> bool {
    let ty = component.component_type();
    let ours = ty
        .imports(engine)
        .filter(|(name, _)| name.starts_with("trm:platform/"));
    ours.into_iter().any(|(_, import)| match import.ty {
        ComponentItem::ComponentInstance(interface) => interface.exports(engine).any(
            |(_, item)| matches!(item.ty, ComponentItem::ComponentFunc(call) if !call.async_()),
        ),
        _ => false,
    })
}
