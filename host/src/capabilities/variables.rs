//! `spin:variables` and `wasi:config` for guests: the component's own variables and no others; reads no environment.

use super::CapabilitiesView;
use super::HasCapabilities;
use super::begin;
use super::standard::config;
use super::standard::variables;
use super::standard::variables_v2;
use crate::variables::check_name;
use wasmtime::component::Accessor;

impl variables::Host for CapabilitiesView<'_> {}

impl<T: Send + 'static> variables::HostWithStore<T> for HasCapabilities {
    async fn get(
        accessor: &Accessor<T, Self>,
        name: String,
    ) -> wasmtime::Result<Result<String, variables::Error>> {
        let capabilities = begin(accessor).capabilities;
        if let Err(fault) = check_name(&name) {
            return Ok(Err(variables::Error::InvalidName(fault)));
        }
        let value = capabilities.variables().get(&name).map(str::to_owned);
        Ok(value
            .ok_or_else(|| variables::Error::Undefined(undefined(capabilities.function(), &name))))
    }
}

impl variables_v2::Host for CapabilitiesView<'_> {
    async fn get(&mut self, name: String) -> wasmtime::Result<Result<String, variables_v2::Error>> {
        if let Err(fault) = check_name(&name) {
            return Ok(Err(variables_v2::Error::InvalidName(fault)));
        }
        let value = self.capabilities.variables().get(&name).map(str::to_owned);
        Ok(value.ok_or_else(|| {
            variables_v2::Error::Undefined(undefined(self.capabilities.function(), &name))
        }))
    }
}

impl config::Host for CapabilitiesView<'_> {
    async fn get(
        &mut self,
        key: String,
    ) -> wasmtime::Result<Result<Option<String>, config::Error>> {
        let value = self.capabilities.variables().get(&key);
        Ok(Ok(value.map(str::to_owned)))
    }

    async fn get_all(&mut self) -> wasmtime::Result<Result<Vec<(String, String)>, config::Error>> {
        let all = self.capabilities.variables().all();
        Ok(Ok(all
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()))
    }
}

fn undefined(function: &str, name: &str) -> String {
    format!("no variable \"{name}\"; add it to [component.{function}.variables] in spin.toml")
}
