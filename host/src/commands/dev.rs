//! `trm dev`: builds every function, loads sample data once, serves on loopback, says what to try, and follows saves.

mod compile;
mod eye;
mod sources;
mod watch;

use super::configure;
use super::sample;
use super::serve;
use crate::config::Mode;
use crate::manifest;
use crate::manifest::Function;
use std::net::SocketAddr;
use std::path::Path;

/// Runs until ctrl-c.
pub async fn dev() -> anyhow::Result<()> {
    let config = configure(Mode::Dev)?;
    let functions = manifest::load(&config.manifest)?;
    let folder = match config.manifest.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    compile::add_target(folder).await?;
    compile::build(&functions, None, folder).await?;
    sample::load_once(&config).await?;
    serve::run(&config, &functions, async |host, address| {
        print_routes(&functions, address);
        watch::follow(&config, folder, &functions, host).await
    })
    .await
}

fn print_routes(functions: &[Function], address: SocketAddr) {
    println!();
    for function in functions {
        for route in &function.routes {
            println!(
                "  {route:<28} {:<24} {}",
                function.name,
                curl(route, address)
            );
        }
    }
    println!(
        "  {:<28} {:<24} curl http://{address}/api/health",
        "/api/health", "(host)"
    );
    println!("\nSign in with the password {} as", sample::PASSWORD);
    for (email, role) in sample::DEMO {
        println!("  {email:<28} {role}");
    }
    println!(
        "  curl -s http://{address}/api/auth/login --json '{{\"email\":\"{}\",\"password\":\"{}\"}}'",
        sample::DEMO[0].0,
        sample::PASSWORD
    );
    println!(
        "\nEvery route is described at http://{address}/docs, and what is going on is shown at http://{address}/console; what is saved is built and served at once; ctrl-c stops it."
    );
}

/// A line to try. Sample identifiers stand in for parameters, so that it answers with data.
fn curl(route: &str, address: SocketAddr) -> String {
    let path: Vec<String> = route
        .split('/')
        .scan("", |before, segment| {
            let shown = match segment {
                ":id" => sample::example_id(before),
                "..." => String::new(),
                plain => plain.to_owned(),
            };
            *before = segment;
            Some(shown)
        })
        .collect();
    format!("curl http://{address}{}", path.join("/"))
}
