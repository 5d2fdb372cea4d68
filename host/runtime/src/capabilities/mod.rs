//! What a function may call beside WASI: one file for each interface, grants first; stores nothing itself.

use crate::frozen::Frozen;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;
use tokio::sync::Semaphore;
use trm_policy::grants::Grants;
use trm_policy::variables::Variables;
use trm_resilience::time_left::TimeLeft;
use trm_stores::Stores;
use trm_telemetry::business::Business;
use wasmtime::component::{Accessor, HasData, Linker, ResourceTable};
use witness::Witness;

pub mod cache;
pub mod counter;
pub mod documents;
pub mod key_value;
pub mod metrics;
mod plain;
pub mod redis;
mod standard;
pub mod variables;
pub mod wasi_keyvalue;
pub mod witness;

mod bindings {
    //! The host's side of `shared/wit`, generated. What is asked and answered can be written down.
    wasmtime::component::bindgen!({
        path: "../../shared/wit",
        inline: "package trm:host;
            world written {
                import trm:platform/counter@0.1.0;
                import trm:platform/documents@0.1.0;
                import trm:platform/metrics@0.1.0;
            }",
        world: "trm:host/written",
        imports: { default: async | store | trappable },
        additional_derives: [serde::Serialize, serde::Deserialize],
    });
}

mod cache_bindings {
    //! The same of `cache`, whose fills are resources and cannot be written down.
    wasmtime::component::bindgen!({
        path: "../../shared/wit",
        inline: "package trm:host;
            world cached {
                import trm:platform/cache@0.1.0;
            }",
        world: "trm:host/cached",
        imports: { default: async | store | trappable },
        with: { "trm:platform/cache.fill": super::cache::FillSlot },
    });
}

/// What one function's instances share: who they are, what they may do, and where it is kept.
pub struct Capabilities {
    function: Arc<str>,
    grants: Grants,
    variables: Variables,
    cache: trm_cache::Cache,
    stores: Arc<Stores>,
    business: Arc<Business>,
    frozen: Option<Frozen>,
    outbound: Arc<Semaphore>,
}

/// Requests to other hosts that one function has under way at one time; each holds a descriptor of the host.
const MAX_OUTBOUND: usize = 128;

impl Capabilities {
    /// The capabilities of one function.
    pub fn new(
        function: Arc<str>,
        grants: Grants,
        variables: Variables,
        stores: Arc<Stores>,
        business: Arc<Business>,
        frozen: Option<Frozen>,
    ) -> Self {
        Self {
            cache: stores.cache.of_function(&function),
            function,
            grants,
            variables,
            stores,
            business,
            frozen,
            outbound: Arc::new(Semaphore::new(MAX_OUTBOUND)),
        }
    }

    /// A place for one request to another host.
    pub fn outbound(&self) -> &Arc<Semaphore> {
        &self.outbound
    }

    /// The function's name.
    pub fn function(&self) -> &Arc<str> {
        &self.function
    }

    /// What the function was granted.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// What its guests see in place of time and chance, in a test.
    pub fn frozen(&self) -> Option<Frozen> {
        self.frozen
    }

    fn variables(&self) -> &Variables {
        &self.variables
    }

    fn counters(&self) -> &trm_stores::counters::Counters {
        &self.stores.counters
    }

    fn shared_redis(&self) -> &trm_stores::servers::SharedRedis {
        &self.stores.shared_redis
    }

    fn cache(&self) -> &trm_cache::Cache {
        &self.cache
    }

    fn origin(&self) -> &trm_document_stores::Origin {
        &self.stores.origin
    }
}

/// What the host functions see of an instance's store.
pub struct CapabilitiesView<'a> {
    /// The function's capabilities.
    pub capabilities: &'a Arc<Capabilities>,
    /// The instance's resources.
    pub table: &'a mut ResourceTable,
    /// Until when the calls of the request that is being handled may take.
    pub left: &'a TimeLeft,
    /// Who follows it, if anyone does.
    pub witness: &'a Option<Arc<Witness>>,
    /// The calls that the instance's guest has under way.
    pub under_way: &'a UnderWay,
}

/// Counts the calls that one instance has under way. Guests call synchronously, most of them: meanwhile nobody else
/// gets on in the instance.
#[derive(Clone, Default)]
pub struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    /// Whether there is one.
    pub fn any(&self) -> bool {
        self.0.load(Relaxed) > 0
    }

    fn one_more(&self) -> OneUnderWay {
        self.0.fetch_add(1, Relaxed);
        OneUnderWay(self.clone())
    }
}

/// One of them, until dropped.
struct OneUnderWay(UnderWay);

impl Drop for OneUnderWay {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Relaxed);
    }
}

/// Names `CapabilitiesView` to the linker.
pub struct HasCapabilities;

impl HasData for HasCapabilities {
    type Data<'a> = CapabilitiesView<'a>;
}

/// Adds every interface of `trm:platform`, and the standard ones, to a linker.
pub fn link<T: Send + 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> CapabilitiesView<'_>,
) -> wasmtime::Result<()> {
    cache_bindings::trm::platform::cache::add_to_linker::<T, HasCapabilities>(linker, view)?;
    bindings::trm::platform::counter::add_to_linker::<T, HasCapabilities>(linker, view)?;
    standard::link(linker, view)?;
    bindings::trm::platform::documents::add_to_linker::<T, HasCapabilities>(linker, view)?;
    bindings::trm::platform::metrics::add_to_linker::<T, HasCapabilities>(linker, view)
}

/// The same for components whose copy of `trm:platform` leaves out `async`.
pub fn link_plain<T: Send + 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> CapabilitiesView<'_>,
) -> wasmtime::Result<()> {
    plain::link(linker, view)?;
    standard::link(linker, view)
}

/// One call of a guest, outside of its store: by whom, until when, and who is told.
struct Call {
    capabilities: Arc<Capabilities>,
    deadline: Instant,
    witness: Option<Arc<Witness>>,
    _under_way: OneUnderWay,
}

impl Call {
    fn of(view: &CapabilitiesView<'_>) -> Self {
        Self {
            capabilities: view.capabilities.clone(),
            deadline: view.left.until(),
            witness: view.witness.clone(),
            _under_way: view.under_way.one_more(),
        }
    }

    /// The request uses an interface whose calls are not kept.
    fn unkept(&self, interface: &'static str) {
        if let Some(witness) = &self.witness {
            witness.unkept(interface);
        }
    }

    fn grants(&self) -> &Grants {
        self.capabilities.grants()
    }

    fn cache(&self) -> &trm_cache::Cache {
        self.capabilities.cache()
    }

    fn origin(&self) -> &trm_document_stores::Origin {
        self.capabilities.origin()
    }
}

fn begin<T>(accessor: &Accessor<T, HasCapabilities>) -> Call {
    accessor.with(|mut access| Call::of(&access.get()))
}

/// Compares what a component imports with what it was granted; the error is the line to add.
pub fn check_imports<'a>(
    function: &str,
    grants: &Grants,
    imports: impl Iterator<Item = &'a str>,
) -> anyhow::Result<()> {
    let place = format!("[component.{function}.tool.trm]");
    for import in imports {
        let interface = import.split('@').next().unwrap_or(import);
        let (granted, line) = match interface {
            "trm:platform/cache" => (grants.any_cache(), format!("{place} cache = [\"…:*\"]")),
            "trm:platform/documents" => (
                grants.any_documents(),
                format!("{place} documents = {{ … = \"read\" }}"),
            ),
            "trm:platform/counter" => (
                grants.any_counter(),
                format!("{place} counters = [\"…:*\"]"),
            ),
            "spin:key-value/key-value"
            | "fermyon:spin/key-value"
            | "wasi:keyvalue/store"
            | "wasi:keyvalue/atomics"
            | "wasi:keyvalue/batch" => (
                grants.any_key_value(),
                format!("[component.{function}] key_value_stores = [\"default\"]"),
            ),
            "spin:redis/redis" => (
                !grants.outbound().is_empty(),
                format!("[component.{function}] allowed_outbound_hosts = [\"redis://…:6379\"]"),
            ),
            "trm:platform/metrics" => (grants.metrics(), format!("{place} metrics = true")),
            "wasi:http/client" | "wasi:http/outgoing-handler" => (
                !grants.outbound().is_empty(),
                format!("[component.{function}] allowed_outbound_hosts = [\"https://…\"]"),
            ),
            _ => continue,
        };
        // A toolchain may import outbound HTTP without a call of it; the hosts are checked at each call.
        let optional = interface.starts_with("wasi:http/");
        anyhow::ensure!(
            granted || optional,
            "it imports {import}, but the manifest grants it none; add to {}: {}",
            "spin.toml",
            line
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ungranted_import_names_the_line_that_mends_it() {
        let imports = ["wasi:cli/environment@0.2.6", "trm:platform/documents@0.1.0"];
        let error = check_imports("jobs", &Grants::default(), imports.into_iter()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("trm:platform/documents@0.1.0"), "{text}");
        assert!(
            text.contains("[component.jobs.tool.trm] documents = {"),
            "{text}"
        );
    }
}
