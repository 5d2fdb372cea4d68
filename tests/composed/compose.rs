//! A function and what it depends on as one component, put together as Spin does it; runs nothing.

use crate::application::Function;
use anyhow::{Context, ensure};
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, plug};

/// The component in which the function's imports of each package are satisfied by its dependency.
pub fn compose(function: &Function) -> anyhow::Result<Vec<u8>> {
    let of = |path: &std::path::Path| {
        std::fs::read(path).with_context(|| {
            format!(
                "{} cannot be read; tests/run builds what is composed",
                path.display()
            )
        })
    };
    let source = of(&function.source)?;
    if function.dependencies.is_empty() {
        return Ok(source);
    }
    let mut graph = CompositionGraph::new();
    let socket = Package::from_bytes(&function.name, None, source, graph.types_mut())?;
    let wanted: Vec<String> = graph.types()[socket.ty()].imports.keys().cloned().collect();
    let socket = graph.register_package(socket)?;
    let mut plugs = Vec::new();
    for (package, path) in &function.dependencies {
        let plugged = Package::from_bytes(package, None, of(path)?, graph.types_mut())?;
        let offered = &graph.types()[plugged.ty()].exports;
        for import in wanted.iter().filter(|import| is_of(package, import)) {
            ensure!(
                offered.contains_key(import),
                "{package}, on which {} depends, does not export {import}",
                function.name
            );
        }
        plugs.push(graph.register_package(plugged)?);
    }
    plug(&mut graph, plugs, socket)?;
    Ok(graph.encode(Default::default())?)
}

/// Whether an interface, `trm:platform/cache@0.1.0`, is of a package, `trm:platform@0.1.0`.
fn is_of(package: &str, import: &str) -> bool {
    let (package, version) = package.split_once('@').unwrap_or((package, ""));
    let name = import.split('/').next();
    name == Some(package) && (version.is_empty() || import.ends_with(&format!("@{version}")))
}
