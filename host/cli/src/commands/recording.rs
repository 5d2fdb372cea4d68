//! `trm record` and `trm replay`: one request with all of its calls, kept in a file and run again from it; no store is asked again.

use super::dev::build_some;
use crate::settings::{Flags, groups};
use crate::trial::{Asked, Heard, Trial, Written};
use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use trm_policy::manifest;
use trm_runtime::capabilities::witness::{Script, Seen, Told};
use trm_runtime::frozen::Frozen;
use trm_server::config::{Config, Mode};
use trm_telemetry::log;

/// The form of a recording; another one is refused.
const VERSION: u32 = 1;

#[derive(clap::Args)]
pub(crate) struct RecordArguments {
    /// The request's method
    method: String,
    /// Its path, with the query
    path: String,
    /// A header, as 'name: value'; may be repeated
    #[arg(short = 'H', long = "header", value_name = "HEADER", value_parser = header)]
    headers: Vec<(String, String)>,
    /// Its body, or @file
    #[arg(short, long, value_name = "BODY", allow_hyphen_values = true)]
    data: Option<String>,
    /// The file to write; a name from the function and the time where it is not given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    settings: Flags<{ groups::HOST }>,
}

#[derive(clap::Args)]
pub(crate) struct ReplayArguments {
    /// Recordings
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    settings: Flags<{ groups::MANIFEST | groups::LOG }>,
}

/// One request, what it asked of the host, and its answer.
#[derive(Serialize, Deserialize)]
struct Recording {
    version: u32,
    function: String,
    frozen: Frozen,
    request: Asked,
    answer: Heard,
    seen: Seen,
}

/// Has the request answered from the configured stores, and keeps all of it.
pub(crate) async fn record(arguments: RecordArguments) -> anyhow::Result<()> {
    let config = arguments.settings.0.configure(Mode::Dev)?;
    let request = Asked {
        method: arguments.method.to_uppercase(),
        path: arguments.path,
        headers: arguments.headers,
        body: body(arguments.data.as_deref())?,
    };
    let out = arguments.out;
    let functions = manifest::load(&config.manifest)?;
    let frozen = Frozen::now();
    let before = Trial::open(&config, &functions, Some(frozen)).await?;
    let function = before.function(&request.path);
    let function = function.with_context(|| format!("no route meets {}", request.path))?;
    drop(before);
    build_some(&config, &functions, [function.clone()]).await?;
    // What was built is read anew.
    let trial = Trial::open(&config, &functions, Some(frozen)).await?;
    let (answer, seen) = trial.ask(&request, Script::default()).await?;
    ensure!(
        seen.left_out == 0,
        "{} of its calls are too many or too large to be kept",
        seen.left_out
    );
    let out = out.unwrap_or_else(|| format!("{function}-{}.json", frozen.at_ms).into());
    println!(
        "{} {}: {} by {function}, {} calls, kept in {}",
        request.method,
        request.path,
        answer.status,
        seen.calls.len(),
        out.display()
    );
    for interface in &seen.unkept {
        println!("calls of {interface} are not kept: a replay ends where they begin");
    }
    let recording = Recording {
        version: VERSION,
        function,
        frozen,
        request,
        answer,
        seen,
    };
    // It holds what the stores held, and secrets that the function read.
    let mut file = OpenOptions::new();
    let file = file.write(true).create_new(true).mode(0o600).open(&out);
    let mut file = file.with_context(|| format!("{} cannot be written", out.display()))?;
    serde_json::to_writer_pretty(&mut file, &recording)?;
    file.write_all(b"\n")?;
    Ok(())
}

/// A header as curl reads it.
fn header(line: &str) -> Result<(String, String), &'static str> {
    let (name, value) = line
        .split_once(':')
        .ok_or("a header has a colon: 'name: value'")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// A body as curl reads it: the text, or what the file after `@` holds.
fn body(data: Option<&str>) -> anyhow::Result<Written> {
    let data = data.unwrap_or_default();
    Ok(match data.strip_prefix('@') {
        Some(file) => {
            let bytes = std::fs::read(file).with_context(|| file.to_owned())?;
            bytes.as_slice().into()
        }
        None => data.as_bytes().into(),
    })
}

/// Runs each recording against the function as it is now; another answer than the recorded one is a failure.
pub(crate) async fn replay(arguments: ReplayArguments) -> anyhow::Result<()> {
    let ReplayArguments { files, settings } = arguments;
    let data = std::env::temp_dir().join(format!("trm-replay-{}", std::process::id()));
    let config = settings.0.config_from(Mode::Dev, |name| match name {
        // No store is asked, so none is opened but an empty one.
        "MONGODB_URI" | "REDIS_URL" | "REDIS_HOST" => None,
        "TRM_DATA_DIR" => Some(data.display().to_string()),
        name => settings.0.get(name),
    })?;
    log::init(&config.log());
    let mut differ = 0;
    for file in &files {
        let compared = compare(&config, file).await;
        let faults = compared.with_context(|| file.display().to_string());
        let faults = faults.inspect_err(|_| drop(std::fs::remove_dir_all(&data)))?;
        differ += usize::from(!faults.is_empty());
        for fault in faults {
            println!("  {fault}");
        }
    }
    std::fs::remove_dir_all(&data)?;
    ensure!(differ == 0, "{differ} of {} differ", files.len());
    Ok(())
}

async fn compare(config: &Config, file: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read(file).context("it cannot be read")?;
    let recording: Recording = serde_json::from_slice(&text).context("it is no recording")?;
    let version = recording.version;
    ensure!(
        version == VERSION,
        "it has the form {version}, and this trm reads {VERSION}; record it again"
    );
    let functions = manifest::load(&config.manifest)?;
    let name = &recording.function;
    ensure!(
        functions.iter().any(|function| function.name == *name),
        "there is no [component.{name}] in {}",
        config.manifest.display()
    );
    build_some(config, &functions, [name.clone()]).await?;
    let trial = Trial::open(config, &functions, Some(recording.frozen)).await?;
    let script = Script::recorded(&recording.seen.calls);
    let (answer, seen) = trial.ask(&recording.request, script).await?;
    let faults = differences(&recording, &answer, &seen);
    let said = match faults.is_empty() {
        true => "as recorded",
        false => "not as recorded",
    };
    let Asked { method, path, .. } = &recording.request;
    println!(
        "{}: {method} {path}: {}, {} calls, {said}",
        file.display(),
        answer.status,
        seen.calls.len()
    );
    Ok(faults)
}

fn differences(recording: &Recording, answer: &Heard, seen: &Seen) -> Vec<String> {
    let mut faults = Vec::new();
    let mut differ = |what: &str, recorded: String, now: String| {
        if recorded != now {
            faults.push(format!("{what} was {recorded}, and is {now}"));
        }
    };
    let was = &recording.answer;
    differ(
        "the status",
        was.status.to_string(),
        answer.status.to_string(),
    );
    differ(
        "the body",
        format!("{:?}", was.body),
        format!("{:?}", answer.body),
    );
    differ(
        "the headers",
        format!("{:?}", was.headers),
        format!("{:?}", answer.headers),
    );
    if let Some(strayed) = &seen.strayed {
        faults.push(format!("it asked for what is not recorded: {strayed}"));
    }
    let made = |told: &&Told| {
        let same = |now: &&Told| now.call == told.call && now.arguments == told.arguments;
        seen.calls.iter().any(|now| same(&now))
    };
    for told in recording.seen.calls.iter().filter(|told| !made(told)) {
        let arguments = serde_json::Value::Array(told.arguments.clone());
        faults.push(format!("it did not ask: {} {arguments}", told.call));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_bodies_are_read_as_curl_reads_them() {
        let pair = ("x-b".to_owned(), "c:d".to_owned());
        assert_eq!(header("x-b: c:d"), Ok(pair));
        assert!(header("x").is_err());
        assert_eq!(body(None).unwrap(), Written::default());
        assert_eq!(body(Some("{}")).unwrap(), Written::Text("{}".to_owned()));
        assert!(body(Some("@/no/such/file")).is_err());
    }
}
