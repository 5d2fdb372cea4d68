//! The process behind a trial and its pipes; knows no order by name.

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

static BUILT: Once = Once::new();
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Settings of the surroundings that would make a test another one.
const CLEARED: [&str; 5] = ["MONGODB_URI", "REDIS_URL", "REDIS_HOST", "PORT", "NODE_ENV"];

#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    data: PathBuf,
}

/// The program `trm` of an application.
pub(crate) fn program(manifest: &Path) -> PathBuf {
    if let Some(program) = std::env::var_os("TRM") {
        return program.into();
    }
    let beside = manifest.with_file_name("target/release/trm");
    if beside.exists() {
        beside
    } else {
        "trm".into()
    }
}

impl Process {
    pub(crate) fn start(manifest: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        let number = COUNT.fetch_add(1, Relaxed);
        let data = format!("trm-trial-{}-{number}", std::process::id());
        let data = std::env::temp_dir().join(data);
        let mut command = Command::new(program(manifest));
        command.arg("trial").args(arguments);
        for name in CLEARED {
            command.env_remove(name);
        }
        command
            .env("TRM_MANIFEST", manifest)
            .env("TRM_DATA_DIR", &data)
            .envs(settings.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let start = |command: &mut Command| match command.spawn() {
            Ok(mut child) => {
                let (Some(orders), Some(answers)) = (child.stdin.take(), child.stdout.take())
                else {
                    panic!("a child has pipes");
                };
                Self {
                    child,
                    orders,
                    answers: BufReader::new(answers),
                    data: data.clone(),
                }
            }
            Err(error) => panic!(
                "{:?} cannot be run: {error}; `cargo build --release` makes trm, and TRM may name another",
                command.get_program()
            ),
        };
        // Once for all tests of a program, while the others wait. `trm test` has built them already, and says so by
        // TRM_BUILT, which the child reads.
        let mut first = None;
        BUILT.call_once(|| {
            let name = own_function();
            if let Some(name) = name {
                command.args(["--build", &name]);
            }
            let mut process = start(&mut command);
            process.tell(&serde_json::json!({"fake": []}));
            first = Some(process);
        });
        first.unwrap_or_else(|| start(&mut command))
    }

    /// Says one order, and hears what came of it. The host's log between is passed on.
    pub(crate) fn tell(&mut self, order: &Value) -> Value {
        let told = writeln!(self.orders, "{order}").and_then(|()| self.orders.flush());
        let mut line = String::new();
        loop {
            line.clear();
            match self.answers.read_line(&mut line) {
                Ok(1..) if line.starts_with('{') => break,
                Ok(1..) => eprint!("{line}"),
                Ok(0) | Err(_) => panic!("trm ended ({told:?}); what it said is above"),
            }
        }
        let answer: Value = match serde_json::from_str(&line) {
            Ok(answer) => answer,
            Err(fault) => panic!("{fault}: {line}"),
        };
        if let Some(fault) = answer["fault"].as_str() {
            panic!("{fault}");
        }
        answer
    }
}

/// The function whose package is tested: its name in the manifest is its folder's.
fn own_function() -> Option<String> {
    let package = std::env::var("CARGO_PKG_NAME").ok()?;
    package.strip_prefix("fn-").map(str::to_owned)
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is no more after this.
        drop(self.child.kill());
        drop(self.child.wait());
        drop(std::fs::remove_dir_all(&self.data));
    }
}
