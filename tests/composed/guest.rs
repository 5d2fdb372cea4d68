//! One fresh instance of a composed component for each request, as a host of WASI 0.3 runs it; knows no route.

use crate::application::{Application, Function};
use crate::compose::compose;
use crate::{sqlite, variables};
use anyhow::{Context, anyhow};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use wasmtime::component::{Component, HasSelf, Linker, ResourceTable};
use wasmtime::{Config, Engine, OptLevel, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::p3::Request as Incoming;
use wasmtime_wasi_http::p3::bindings::ServicePre;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Every route and its component, compiled.
pub struct Server {
    engine: Engine,
    routes: Vec<(String, Arc<Composed>)>,
    database: PathBuf,
}

/// One function, composed.
struct Composed {
    pre: ServicePre<State>,
    variables: BTreeMap<String, String>,
}

/// What one instance has.
pub struct State {
    pub table: ResourceTable,
    pub database: PathBuf,
    pub variables: BTreeMap<String, String>,
    wasi: WasiCtx,
    http: WasiHttpCtx,
}

impl Server {
    /// Composes and compiles every function: one that does not fit is an error here, not at its first request.
    pub fn new(application: &Application, folder: &Path) -> anyhow::Result<Self> {
        let mut config = Config::new();
        config
            .wasm_component_model(true)
            .wasm_component_model_async(true)
            // It is run a few times only.
            .cranelift_opt_level(OptLevel::None);
        let engine = Engine::new(&config)?;
        let linker = linker(&engine)?;
        let routes = application.functions.iter().map(|function| {
            let composed = composed(&engine, &linker, function)
                .with_context(|| format!("\"{}\" cannot be served", function.name))?;
            Ok((function.route.clone(), Arc::new(composed)))
        });
        Ok(Self {
            routes: routes.collect::<anyhow::Result<_>>()?,
            engine,
            database: folder.join("sqlite_db.db"),
        })
    }

    /// The routes, each by its place.
    pub fn routes(&self) -> impl Iterator<Item = &str> {
        self.routes.iter().map(|(route, _)| route.as_str())
    }

    /// Answers one request by the function of a route.
    pub async fn answer(
        &self,
        route: usize,
        request: Request<Bytes>,
    ) -> anyhow::Result<Response<Bytes>> {
        let function = &self.routes[route].1;
        let mut wasi = WasiCtxBuilder::new();
        wasi.inherit_stderr();
        if let Ok(sample) = std::env::var("TRM_SAMPLE") {
            wasi.env("TRM_SAMPLE", sample);
        }
        let state = State {
            table: ResourceTable::new(),
            database: self.database.clone(),
            variables: function.variables.clone(),
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
        };
        let mut store = Store::new(&self.engine, state);
        let handled = async {
            let service = function.pre.instantiate_async(&mut store).await?;
            let head_only = request.method() == Method::HEAD;
            let whole = request.map(Full::new);
            let (incoming, arrived) = Incoming::from_http(store.data_mut().http().hooks, whole);
            store
                .run_concurrent(async |accessor| {
                    let answer = service.handle(accessor, incoming).await??;
                    let answer =
                        accessor.with(|access| answer.into_http(access, async { Ok(()) }))?;
                    let (head, body) = answer.into_parts();
                    // The answer to HEAD says how long a body would be, and has none.
                    let body = match head_only {
                        true => Bytes::new(),
                        false => body
                            .collect()
                            .await
                            .map_err(|error| anyhow!("{error:?}"))?
                            .to_bytes(),
                    };
                    drop(arrived);
                    anyhow::Ok(Response::from_parts(head, body))
                })
                .await?
        };
        tokio::time::timeout(PATIENCE, handled)
            .await
            .context("the function does not answer")?
    }
}

fn composed(
    engine: &Engine,
    linker: &Linker<State>,
    function: &Function,
) -> anyhow::Result<Composed> {
    let component = Component::new(engine, compose(function)?)?;
    Ok(Composed {
        pre: ServicePre::new(linker.instantiate_pre(&component)?)?,
        variables: function.variables.clone(),
    })
}

fn linker(engine: &Engine) -> anyhow::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    sqlite::Needs::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    variables::Needs::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    Ok(linker)
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: Default::default(),
        }
    }
}
