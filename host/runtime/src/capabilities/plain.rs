//! `trm:platform` under the types of a copy that leaves out `async`: links the same verbs, adds none.

use super::Call;
use super::CapabilitiesView;
use super::cache;
use super::cache::FillSlot;
use super::cache_bindings::trm::platform::cache::{Error, Lookup};
use super::counter;
use super::documents::commit::commit;
use super::documents::verbs;
use super::metrics;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentNamedList, Lift, Linker, LinkerInstance, Lower};
use wasmtime::component::{Resource, ResourceType};

type View<T> = fn(&mut T) -> CapabilitiesView<'_>;
type Slot = Resource<FillSlot>;

/// Adds every interface to a linker.
pub(super) fn link<T: Send + 'static>(
    linker: &mut Linker<T>,
    view: View<T>,
) -> wasmtime::Result<()> {
    let mut interface = Interface::begin(linker, "cache", view)?;
    interface.add("cache.get", cache::get)?;
    interface.add("cache.set", cache::set)?;
    interface.add("cache.delete", cache::delete)?;
    interface.add("cache.invalidate-tag", cache::invalidate_tag)?;
    interface.add("cache.invalidate-pattern", cache::invalidate_pattern)?;
    fills(&mut interface)?;

    let mut interface = Interface::begin(linker, "counter", view)?;
    interface.add("counter.add", counter::add)?;
    interface.add("counter.reset", counter::reset)?;

    let mut interface = Interface::begin(linker, "documents", view)?;
    interface.add("documents.find", verbs::find)?;
    interface.add("documents.find-one", verbs::find_one)?;
    interface.add("documents.count", verbs::count)?;
    interface.add("documents.distinct", verbs::distinct)?;
    interface.add("documents.aggregate", verbs::aggregate)?;
    interface.add("documents.insert", verbs::insert)?;
    interface.add("documents.update", verbs::update)?;
    interface.add("documents.find-one-and-update", verbs::find_one_and_update)?;
    interface.add("documents.delete", verbs::delete)?;
    interface.add("documents.commit", commit)?;

    let mut interface = Interface::begin(linker, "metrics", view)?;
    interface.add("metrics.increment", metrics::increment)?;
    interface.add("metrics.timing", metrics::timing)?;
    interface.add("metrics.gauge", metrics::gauge)
}

/// What hands out, takes and ends fills: these work on the store's resources as well.
fn fills<T: Send + 'static>(interface: &mut Interface<'_, T>) -> wasmtime::Result<()> {
    let view = interface.view;
    let cache = &mut interface.instance;
    let forget = move |mut store: StoreContextMut<'_, T>, slot| {
        view(store.data_mut()).forget(Slot::new_own(slot))
    };
    cache.resource("fill", ResourceType::host::<FillSlot>(), forget)?;
    cache.func_wrap_async("get-or-fill", move |mut store, (key,): (String,)| {
        Box::new(async move {
            let call = Call::of(&view(store.data_mut()));
            let looked_up = call.verb("cache.get-or-fill", (key,), cache::get_or_fill);
            let found: Result<Lookup, Error> = match looked_up.await? {
                Ok(found) => Ok(view(store.data_mut()).lookup(found)?),
                Err(error) => Err(error),
            };
            Ok((found,))
        })
    })?;
    cache.func_wrap_async(
        "[method]fill.complete",
        move |mut store, (slot, value, options): (Slot, _, _)| {
            Box::new(async move {
                let mut view = view(store.data_mut());
                let (fill, call) = (view.take(&slot)?, Call::of(&view));
                Ok((fill.complete(call, value, options, None).await?,))
            })
        },
    )?;
    cache.func_wrap_async(
        "[method]fill.complete-fresh",
        move |mut store, (slot, value, options, freshness): (Slot, _, _, _)| {
            Box::new(async move {
                let mut view = view(store.data_mut());
                let (fill, call) = (view.take(&slot)?, Call::of(&view));
                Ok((fill.complete(call, value, options, Some(freshness)).await?,))
            })
        },
    )?;
    cache.func_wrap("[method]fill.stale", move |mut store, (slot,): (Slot,)| {
        Ok((view(store.data_mut()).stale(&slot)?,))
    })
}

/// One interface that is being linked.
struct Interface<'l, T: 'static> {
    instance: LinkerInstance<'l, T>,
    view: View<T>,
}

impl<'l, T: Send + 'static> Interface<'l, T> {
    fn begin(linker: &'l mut Linker<T>, name: &str, view: View<T>) -> wasmtime::Result<Self> {
        let instance = linker.instance(&format!("trm:platform/{name}@0.1.0"))?;
        Ok(Self { instance, view })
    }

    /// Links a verb, `interface.function`, that needs nothing of the store but its call.
    fn add<A, R, W>(&mut self, name: &'static str, verb: fn(Call, A) -> W) -> wasmtime::Result<()>
    where
        A: ComponentNamedList + Lift + Serialize + Send + 'static,
        R: Serialize + DeserializeOwned + Send + 'static,
        W: Future<Output = R> + Send + 'static,
        (R,): ComponentNamedList + Lower,
    {
        let view = self.view;
        let function = name.split_once('.').map_or(name, |(_, function)| function);
        self.instance.func_wrap_async(
            function,
            move |mut store: StoreContextMut<'_, T>, arguments: A| {
                let call = Call::of(&view(store.data_mut()));
                Box::new(async move { Ok((call.verb(name, arguments, verb).await?,)) })
            },
        )
    }
}
