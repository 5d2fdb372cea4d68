//! `spin:variables` and `wasi:config` for guests: the component's own variables and no others; reads no environment.

use super::Call;
use super::CapabilitiesView;
use super::HasCapabilities;
use super::begin;
use super::standard::config;
use super::standard::variables;
use super::standard::variables_v2;
use trm_policy::variables::check_name;
use wasmtime::component::Accessor;

/// Of a request that is followed each variable that it reads is kept, secrets as well.
async fn value(call: Call, name: String) -> wasmtime::Result<Option<String>> {
    let read = async |call: Call, (name,): (String,)| {
        let value = call.capabilities.variables().get(&name);
        value.map(str::to_owned)
    };
    call.verb("variables.get", (name,), read).await
}

impl variables::Host for CapabilitiesView<'_> {}

impl<T: Send + 'static> variables::HostWithStore<T> for HasCapabilities {
    async fn get(
        accessor: &Accessor<T, Self>,
        name: String,
    ) -> wasmtime::Result<Result<String, variables::Error>> {
        if let Err(fault) = check_name(&name) {
            return Ok(Err(variables::Error::InvalidName(fault)));
        }
        let call = begin(accessor);
        let capabilities = call.capabilities.clone();
        let value = value(call, name.clone()).await?;
        Ok(value
            .ok_or_else(|| variables::Error::Undefined(undefined(capabilities.function(), &name))))
    }
}

impl variables_v2::Host for CapabilitiesView<'_> {
    async fn get(&mut self, name: String) -> wasmtime::Result<Result<String, variables_v2::Error>> {
        if let Err(fault) = check_name(&name) {
            return Ok(Err(variables_v2::Error::InvalidName(fault)));
        }
        let value = value(Call::of(self), name.clone()).await?;
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
        Ok(Ok(value(Call::of(self), key).await?))
    }

    async fn get_all(&mut self) -> wasmtime::Result<Result<Vec<(String, String)>, config::Error>> {
        let read = async |call: Call, (): ()| {
            let all = call.capabilities.variables().all();
            all.map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect()
        };
        let call = Call::of(self);
        Ok(Ok(call.verb("variables.get-all", (), read).await?))
    }
}

fn undefined(function: &str, name: &str) -> String {
    format!("no variable \"{name}\"; add it to [component.{function}.variables] in spin.toml")
}
