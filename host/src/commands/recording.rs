//! `trm record` and `trm replay`: one request with all of its calls, kept in a file and run again from it; no store is asked again.

use super::dev::build_some;
use crate::capabilities::witness::Script;
use crate::capabilities::witness::Seen;
use crate::capabilities::witness::Told;
use crate::config::Config;
use crate::config::Mode;
use crate::frozen::Frozen;
use crate::manifest;
use crate::telemetry::log;
use crate::trial::Asked;
use crate::trial::Heard;
use crate::trial::Trial;
use crate::trial::Written;
use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The form of a recording; another one is refused.
const VERSION: u32 = 1;
const USAGE: &str =
    "trm record <METHOD> <path> [-H 'name: value']… [-d <body> | -d @<file>] [--out <file>]";

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
pub async fn record(arguments: &[&str]) -> anyhow::Result<()> {
    let (request, out) = read(arguments)?;
    let config = super::configure(Mode::Dev)?;
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

fn read(arguments: &[&str]) -> anyhow::Result<(Asked, Option<PathBuf>)> {
    let [method, path, rest @ ..] = arguments else {
        bail!("{USAGE}");
    };
    let (mut headers, mut body, mut out) = (Vec::new(), Written::default(), None);
    for pair in rest.chunks(2) {
        match pair {
            ["-H", line] => {
                let header = line.split_once(':');
                let (name, value) = header.with_context(|| format!("-H '{line}': no colon"))?;
                headers.push((name.trim().to_owned(), value.trim().to_owned()));
            }
            ["-d", given] => {
                let bytes = match given.strip_prefix('@') {
                    Some(file) => std::fs::read(file).with_context(|| file.to_owned())?,
                    None => given.as_bytes().to_vec(),
                };
                body = bytes.as_slice().into();
            }
            ["--out", file] => out = Some(file.into()),
            other => bail!("{}: {USAGE}", other.join(" ")),
        }
    }
    let request = Asked {
        method: method.to_uppercase(),
        path: (*path).to_owned(),
        headers,
        body,
    };
    Ok((request, out))
}

/// Runs each recording against the function as it is now; another answer than the recorded one is a failure.
pub async fn replay(files: &[&str]) -> anyhow::Result<()> {
    ensure!(!files.is_empty(), "trm replay <file>…");
    let data = std::env::temp_dir().join(format!("trm-replay-{}", std::process::id()));
    let config = Config::from_env(Mode::Dev, |name| match name {
        // No store is asked, so none is opened but an empty one.
        "MONGODB_URI" | "REDIS_URL" | "REDIS_HOST" => None,
        "TRM_DATA_DIR" => Some(data.display().to_string()),
        name => std::env::var(name).ok(),
    })?;
    log::init(&config);
    let mut differ = 0;
    for file in files {
        let compared = compare(&config, Path::new(file)).await;
        let faults = compared.with_context(|| (*file).to_owned());
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
    fn a_request_is_read_as_curl_reads_it() {
        let (asked, out) =
            read(&["post", "/a", "-H", "x-b: c:d", "-d", "{}", "--out", "o"]).unwrap();
        assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/a"));
        assert_eq!(asked.headers, [("x-b".to_owned(), "c:d".to_owned())]);
        assert_eq!(asked.body, Written::Text("{}".to_owned()));
        assert_eq!(out, Some("o".into()));
        for wrong in [&["GET"][..], &["GET", "/", "-H"], &["GET", "/", "-H", "x"]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
