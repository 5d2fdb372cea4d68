//! spin.toml, read strictly into functions with routes, grants and limits; never touches the network.

mod block;
mod places;

use crate::grants::Grants;
use crate::variables;
use crate::variables::Declared;
use crate::variables::Templates;
use block::Component;
pub use places::Places;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use toml::Value;

/// One route of the application and the component that serves it.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// The component's name in the manifest.
    pub name: String,
    /// The path patterns, as Spin writes them: `/api/jobs/:id`, `/files/...`.
    pub routes: Vec<String>,
    /// The component's file.
    pub source: PathBuf,
    /// How it is built, where the manifest says so.
    pub build: Option<Build>,
    /// What it may use.
    pub grants: Grants,
    /// What it may consume.
    pub limits: Limits,
    /// How often the host itself calls it, where it does.
    pub schedule: Option<Duration>,
    /// Its variables, as the manifest writes them.
    pub variables: Templates,
    /// Its `allowed_outbound_hosts`, which may name variables too.
    pub outbound: Templates,
}

/// How a component is built, as Spin spells it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Build {
    /// The shell command.
    pub command: String,
    /// Where it runs, from the manifest's folder.
    pub workdir: Option<PathBuf>,
    /// Globs of the files that it is made of.
    #[serde(default)]
    pub watch: Vec<String>,
}

/// The bounds of one function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the arrival of the whole request to the head of the response.
    pub timeout: Duration,
    /// Of each instance, over all of its linear memories, in MiB.
    pub memory_mb: usize,
    /// Requests in flight at one time.
    pub concurrency: usize,
    /// Of one request body, in bytes.
    pub max_body: usize,
    /// What requests of the function share.
    pub isolation: Isolation,
}

/// How requests of one function are kept apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// Several requests at one time in an instance, by `trm:platform/messages` or `wasi:http` 0.3: for functions that mostly wait.
    Shared,
    /// An instance serves one request after another: a trap or a late answer costs that request only.
    #[default]
    Exclusive,
    /// Every request gets an instance of its own, which ends with it.
    Fresh,
}

/// What keeps a manifest from being served: the line, and what is to be mended in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub text: String,
}

/// A manifest that cannot be served; the text names the file, and each line with its remedy.
#[derive(Debug, thiserror::Error)]
pub struct ManifestError {
    file: String,
    faults: Vec<Fault>,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self
            .faults
            .iter()
            .map(|fault| format!("{}:{}: {}", self.file, fault.line, fault.text));
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

/// Reads and checks the manifest. Relative sources are relative to its folder.
pub fn load(path: &Path) -> Result<Vec<Function>, ManifestError> {
    let (functions, faults) = match text(path) {
        Ok(text) => read(&text, path.parent().unwrap_or(Path::new("."))),
        Err(fault) => (Vec::new(), vec![fault]),
    };
    if faults.is_empty() {
        return Ok(functions);
    }
    Err(ManifestError {
        file: path.display().to_string(),
        faults,
    })
}

/// The manifest's text.
pub fn text(path: &Path) -> Result<String, Fault> {
    std::fs::read_to_string(path).map_err(|error| Fault {
        line: 1,
        text: format!("it cannot be read ({error}); TRM_MANIFEST names the file"),
    })
}

/// The functions that can be served, and every fault of the text.
pub fn read(text: &str, folder: &Path) -> (Vec<Function>, Vec<Fault>) {
    let places = match Places::of(text) {
        Ok(places) => places,
        Err(faults) => return (Vec::new(), faults),
    };
    let mut reader = Reader {
        places,
        faults: Vec::new(),
    };
    let functions = match toml::from_str(text) {
        Ok(table) => reader.manifest(table, folder),
        Err(error) => {
            reader.fault(&[], error.message());
            Vec::new()
        }
    };
    (functions, reader.faults)
}

/// A manifest that is being read.
struct Reader<'t> {
    places: Places<'t>,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn fault(&mut self, place: &[&str], text: impl Into<String>) {
        self.faults.push(Fault {
            line: self.places.line(place),
            text: text.into(),
        });
    }

    /// A value of some shape. A fault names the place inside of it.
    fn shaped<T: DeserializeOwned>(&mut self, place: &[&str], value: Value) -> Option<T> {
        let error = match serde_path_to_error::deserialize(value) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let inner: Vec<String> = error.path().iter().map(Segment::to_string).collect();
        let text = error.inner().message().to_owned();
        let unknown = text
            .split('`')
            .nth(1)
            .filter(|_| text.starts_with("unknown field"));
        let inner = inner.iter().map(|name| name.trim_matches(['[', ']']));
        let inner = inner.filter(|name| Some(*name) != unknown && *name != "?");
        let place: Vec<&str> = place.iter().copied().chain(inner).chain(unknown).collect();
        self.fault(&place, format!("[{}] {text}", place.join(".")));
        None
    }

    fn manifest(&mut self, mut table: toml::Table, folder: &Path) -> Vec<Function> {
        if table.remove("spin_manifest_version") != Some(Value::Integer(2)) {
            self.fault(
                &["spin_manifest_version"],
                "spin_manifest_version must be 2",
            );
        }
        let declared = self.variables(table.remove("variables"));
        let components = match table.remove("component") {
            Some(components) => self.shaped(&["component"], components),
            None => None,
        };
        let components: BTreeMap<String, Value> = components.unwrap_or_default();
        let mut routes = self.routes(table.remove("trigger"), &components);
        let mut functions = Vec::new();
        for (name, component) in components {
            let place = ["component", &name];
            let Some(component) = self.shaped::<Component>(&place, component) else {
                continue;
            };
            // A component without a route is a dependency of others under Spin; it serves nothing here.
            if let Some(routes) = routes.remove(&name) {
                functions.extend(self.function(name, routes, component, folder, &declared));
            }
        }
        functions
    }

    fn variables(&mut self, declared: Option<Value>) -> Arc<Declared> {
        let declared = declared.unwrap_or_else(|| Value::Table(toml::Table::new()));
        let declared: BTreeMap<String, Value> =
            self.shaped(&["variables"], declared).unwrap_or_default();
        let mut known = Declared::new();
        for (name, value) in declared {
            let place = ["variables", &name];
            let Some(declaration) = self.shaped(&place, value) else {
                continue;
            };
            let one = Declared::from([(name.clone(), declaration)]);
            if let Err(fault) = variables::check(&one) {
                self.fault(&place, fault);
            }
            // What is badly declared is declared all the same: its users are not at fault.
            known.extend(one);
        }
        Arc::new(known)
    }

    /// The paths of each component that serves.
    fn routes(
        &mut self,
        triggers: Option<Value>,
        components: &BTreeMap<String, Value>,
    ) -> BTreeMap<String, Vec<String>> {
        let http = triggers.and_then(|mut triggers| match triggers.get_mut("http") {
            Some(Value::Array(http)) => Some(std::mem::take(http)),
            _ => None,
        });
        let http = http.unwrap_or_default();
        if http.is_empty() {
            let fault = "no [[trigger.http]] routes; add one with route and component";
            self.fault(&["trigger"], fault);
        }
        let mut routes: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (index, trigger) in http.iter().enumerate() {
            let index = index.to_string();
            let place = ["trigger", "http", &index];
            let (shown, route) = match trigger.get("route") {
                Some(Value::String(path)) => (path.clone(), Some(path.clone())),
                Some(Value::Table(private)) if private.get("private") == Some(&true.into()) => {
                    ("{ private = true }".to_owned(), None)
                }
                _ => {
                    self.fault(&place, "a route is a path, or { private = true }");
                    continue;
                }
            };
            let Some(component) = trigger.get("component").and_then(Value::as_str) else {
                let fault = format!("the route {shown} names no component = \"…\"");
                self.fault(&place, fault);
                continue;
            };
            if !components.contains_key(component) {
                let fault = format!(
                    "the route {shown} names the component \"{component}\", but there is no [component.{component}]"
                );
                self.fault(&["trigger", "http", &index, "component"], fault);
            }
            routes
                .entry(component.to_owned())
                .or_default()
                .extend(route);
        }
        routes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "spin_manifest_version = 2\n[application]\nname = \"t\"\n[[trigger.http]]\nroute = \"/a\"\ncomponent = \"a\"\n[component.a]\nsource = \"a.wasm\"\n";

    fn served(text: &str) -> Vec<Function> {
        let (functions, faults) = read(text, Path::new("/app"));
        assert_eq!(faults, []);
        functions
    }

    fn fault(extra: &str) -> String {
        let (_, faults) = read(&format!("{BASE}{extra}"), Path::new("/app"));
        assert_eq!(faults.len(), 1, "{faults:?}");
        faults[0].text.clone()
    }

    #[test]
    fn a_plain_component_gets_the_defaults_and_no_grants() {
        let functions = served(BASE);
        let function = &functions[0];
        assert_eq!(function.source, Path::new("/app/a.wasm"));
        assert_eq!(function.routes, ["/a"]);
        assert_eq!(function.limits.timeout, Duration::from_secs(5));
        assert!(!function.grants.any_cache() && !function.grants.any_documents());
    }

    #[test]
    fn a_private_route_has_no_path_and_may_have_a_schedule() {
        let private = BASE.replace("\"/a\"", "{ private = true }");
        let text = format!("{private}[component.a.tool.trm]\nschedule = \"every 2m\"\n");
        let functions = served(&text);
        assert!(functions[0].routes.is_empty());
        assert_eq!(functions[0].schedule, Some(Duration::from_secs(120)));
        for bad in ["2s", "every s", "every 0s", "every 2d", "every é"] {
            let line = format!("[component.a.tool.trm]\nschedule = \"{bad}\"\n");
            assert!(fault(&line).contains("every 5s"), "{bad}");
        }
    }

    #[test]
    fn each_fault_names_its_place() {
        assert!(fault("[component.a.tool.trm]\ntimeout = 5\n").contains("timeout"));
        assert!(fault("[component.a.tool.trm]\nmemory_mb = 0\n").contains("memory_mb = 0"));
        assert!(fault("[component.a.tool.trm]\ncache = [\"jobs*\"]\n").contains("jobs*"));
        let unknown = "[[trigger.http]]\nroute = \"/b\"\ncomponent = \"b\"\n";
        assert!(fault(unknown).contains("no [component.b]"));
    }

    #[test]
    fn all_faults_are_told_at_once_each_with_its_line() {
        let text = "spin_manifest_version = 2\n[variables]\nx = { }\n\n[[trigger.http]]\nroute = \"/a\"\ncomponent = \"a\"\n\n[[trigger.http]]\nroute = 5\ncomponent = \"a\"\n\n[component.a]\nsource = \"a.wasm\"\n[component.a.tool.trm]\ncache = [\"jobs*\", \"trm:x\"]\ntimeout_ms = 0\nmemory_mb = 9999\nschedule = \"2s\"\n\n[component.b]\nsource = 5\n";
        let (_, faults) = read(text, Path::new("/app"));
        let lines: Vec<usize> = faults.iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [3, 10, 17, 18, 19, 16, 16, 22], "{faults:#?}");
        let (_, faults) = read("a = \n[b", Path::new("/app"));
        assert_eq!((faults.len(), faults[0].line), (2, 1), "{faults:?}");
    }
}
