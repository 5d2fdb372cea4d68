//! `trm:platform` under the types of a copy that leaves out `async`: links the same verbs, adds none.

use super::Call;
use super::CapabilitiesView;
use super::bindings::trm::platform::cache::{Error, Lookup};
use super::cache;
use super::cache::FillSlot;
use super::counter;
use super::documents::commit::commit;
use super::documents::verbs;
use super::metrics::{Record, record};
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
    interface.add("get", |call, (key,)| cache::get(call, key))?;
    interface.add("set", |call, (key, value, options)| {
        cache::set(call, key, value, options)
    })?;
    interface.add("delete", |call, (key,)| cache::delete(call, key))?;
    interface.add("invalidate-tag", |call, (tag,)| {
        cache::invalidate_tag(call, tag)
    })?;
    interface.add("invalidate-pattern", |call, (pattern,)| {
        cache::invalidate_pattern(call, pattern)
    })?;
    fills(&mut interface)?;

    let mut interface = Interface::begin(linker, "counter", view)?;
    interface.add("add", |call, (key, by, window)| {
        counter::add(call, key, by, window)
    })?;
    interface.add("reset", |call, (key,)| counter::reset(call, key))?;

    let mut interface = Interface::begin(linker, "documents", view)?;
    interface.add("find", |call, (name, filter, options)| {
        verbs::find(call, name, filter, options)
    })?;
    interface.add("find-one", |call, (name, filter, projection)| {
        verbs::find_one(call, name, filter, projection)
    })?;
    interface.add("count", |call, (name, filter)| {
        verbs::count(call, name, filter)
    })?;
    interface.add("distinct", |call, (name, field, filter)| {
        verbs::distinct(call, name, field, filter)
    })?;
    interface.add("aggregate", |call, (name, pipeline)| {
        verbs::aggregate(call, name, pipeline)
    })?;
    interface.add("insert", |call, (name, documents)| {
        verbs::insert(call, name, documents)
    })?;
    interface.add("update", |call, (name, filter, update, options)| {
        verbs::update(call, name, filter, update, options)
    })?;
    interface.add(
        "find-one-and-update",
        |call, (name, filter, update, options)| {
            verbs::find_one_and_update(call, name, filter, update, options)
        },
    )?;
    interface.add("delete", |call, (name, filter, many)| {
        verbs::delete(call, name, filter, many)
    })?;
    interface.add("commit", |call, (writes,)| commit(call, writes))?;

    let mut interface = Interface::begin(linker, "metrics", view)?;
    interface.add(
        "increment",
        |call, (name, by, labels): (String, u64, _)| async move {
            record(&call, &name, Record::Increment(by), labels)
        },
    )?;
    interface.add(
        "timing",
        |call, (name, took, labels): (String, f64, _)| async move {
            record(&call, &name, Record::Timing(took), labels)
        },
    )?;
    interface.add(
        "gauge",
        |call, (name, value, labels): (String, f64, _)| async move {
            record(&call, &name, Record::Gauge(value), labels)
        },
    )
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
            let found: Result<Lookup, Error> = match cache::get_or_fill(call, key).await {
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
                Ok((cache::complete(call, fill, value, options, None).await,))
            })
        },
    )?;
    cache.func_wrap_async(
        "[method]fill.complete-fresh",
        move |mut store, (slot, value, options, freshness): (Slot, _, _, _)| {
            Box::new(async move {
                let mut view = view(store.data_mut());
                let (fill, call) = (view.take(&slot)?, Call::of(&view));
                Ok((cache::complete(call, fill, value, options, Some(freshness)).await,))
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

    /// Links a verb that needs nothing of the store but its call.
    fn add<A, R, W>(&mut self, name: &str, verb: fn(Call, A) -> W) -> wasmtime::Result<()>
    where
        A: ComponentNamedList + Lift + 'static,
        R: 'static,
        W: Future<Output = R> + Send + 'static,
        (R,): ComponentNamedList + Lower,
    {
        let view = self.view;
        self.instance.func_wrap_async(
            name,
            move |mut store: StoreContextMut<'_, T>, arguments: A| {
                let work = verb(Call::of(&view(store.data_mut())), arguments);
                Box::new(async move { Ok((work.await,)) })
            },
        )
    }
}
