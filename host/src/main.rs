//! The `trm` program: reads its arguments and runs one command; holds no logic of its own.

use anyhow::bail;
use std::process::ExitCode;
use trm_host::commands;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HELP: &str = "trm: runs the functions of a spin.toml

  trm dev      build every function, load sample data once, serve on 127.0.0.1 (the default)
               [--chaos redis|mongodb=dead|flapping|slow:<ms>[@<function>,…]]…: with a store that is so for these functions
  trm serve    serve as in production: 0.0.0.0, nothing is built
  trm new      <name> --route /api/… [--template read|write|javascript|python] | <name> --template job: a function to begin with
  trm test     [function]…: build them, and run the tests that stand beside them
  trm record   <METHOD> <path> [-H 'name: value']… [-d <body>] [--out <file>]: keep one request with all of its calls
  trm replay   <file>…: run what was recorded against the functions as they are now; no store is asked
  trm check    would every function run here, and with --spin under `spin up`? all complaints at once
  trm build    [--cpu native | x86-64 | x86-64-v2 | x86-64-v3] compile every function ahead of time
  trm inspect  <function>: its size, digests, target, imports, grants and limits
  trm bench    [--out <folder>] [--json] measure the phases of a cold start, the memory of instances and latency against load;
               a table on a terminal, else one JSON object; into the folder RESULTS.md, raw.json and plots
  trm health   ask the host on this machine how it is; fails where it is not well
  trm indexes  make every index in the configured store
  trm sample   load the sample data into the configured store
  trm admin    cache flush | cache invalidate <pattern> | cache invalidate --tag <tag> | reload | key
  trm help     this text

Settings come from the environment; README.md lists them.
";

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("trm: the runtime cannot be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("trm: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => commands::dev(&[]).await,
        ["dev", rest @ ..] => commands::dev(rest).await,
        ["serve"] => commands::serve().await,
        ["new", rest @ ..] => commands::new(rest),
        ["check", rest @ ..] => commands::check(rest),
        ["build"] => commands::build("native"),
        ["build", "--cpu", cpu] => commands::build(cpu),
        ["test", names @ ..] => commands::test(names).await,
        ["record", rest @ ..] => commands::record(rest).await,
        ["replay", files @ ..] => commands::replay(files).await,
        ["trial", rest @ ..] => commands::trial(rest).await,
        ["inspect", function] => commands::inspect(function),
        ["bench", rest @ ..] => commands::bench(rest).await,
        ["health"] => commands::health(),
        ["indexes"] => commands::indexes().await,
        ["sample"] => commands::sample().await,
        ["admin", rest @ ..] => commands::admin(rest).await,
        ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        other => bail!(
            "`{}` is not a command; `trm help` lists them",
            other.join(" ")
        ),
    }
}
