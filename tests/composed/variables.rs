//! `spin:variables`: what the component's block gives it; knows no secret from another name.

use crate::guest::State;
use wasmtime::component::{Accessor, HasSelf};

wasmtime::component::bindgen!({
    inline: "package test:composed;
        world needs { import spin:variables/variables@3.0.0; }",
    path: "../host/runtime/wit/deps/spin-variables.wit",
    imports: { default: async | store | trappable },
});

use spin::variables::variables::{Error, Host, HostWithStore};

impl Host for State {}

impl HostWithStore<State> for HasSelf<State> {
    async fn get(
        accessor: &Accessor<State, Self>,
        name: String,
    ) -> wasmtime::Result<Result<String, Error>> {
        let value = accessor.with(|mut access| access.get().variables.get(&name).cloned());
        Ok(value.ok_or_else(|| Error::Undefined(format!("no variable {name}"))))
    }
}
