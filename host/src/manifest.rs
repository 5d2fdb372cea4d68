//! spin.toml, read strictly into functions with routes, grants and limits; never touches the network.

use crate::grants::Access;
use crate::grants::Grants;
use crate::grants::Written;
use crate::variables;
use crate::variables::Declared;
use crate::variables::Templates;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// One route of the application and the component that serves it.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// The component's name in the manifest.
    pub name: String,
    /// The path patterns, as Spin writes them: `/api/jobs/:id`, `/files/...`.
    pub routes: Vec<String>,
    /// The component's file.
    pub source: PathBuf,
    /// The shell command that builds it, where the manifest has one.
    pub build: Option<String>,
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
    /// Several requests at one time in an instance, through `wasi:http` 0.3: for functions that mostly wait.
    Shared,
    /// An instance serves one request after another: a trap or a late answer costs that request only.
    #[default]
    Exclusive,
    /// Every request gets an instance of its own, which ends with it.
    Fresh,
}

#[derive(Deserialize)]
struct File {
    spin_manifest_version: u32,
    #[serde(default)]
    trigger: Triggers,
    #[serde(default)]
    variables: Declared,
    #[serde(default)]
    component: BTreeMap<String, Component>,
}

#[derive(Deserialize, Default)]
struct Triggers {
    #[serde(default)]
    http: Vec<HttpTrigger>,
}

#[derive(Deserialize)]
struct HttpTrigger {
    route: Route,
    component: String,
}

/// A path pattern, or `{ private = true }`: no path leads there.
#[derive(Deserialize)]
#[serde(untagged)]
enum Route {
    Public(String),
    Private { private: bool },
}

#[derive(Deserialize)]
struct Component {
    source: PathBuf,
    #[serde(default)]
    build: Option<Build>,
    #[serde(default)]
    allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    key_value_stores: Vec<String>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    #[serde(default)]
    tool: Tool,
}

#[derive(Deserialize)]
struct Build {
    command: String,
}

#[derive(Deserialize, Default)]
struct Tool {
    #[serde(default)]
    trm: Settings,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    cache: Vec<String>,
    documents: BTreeMap<String, Access>,
    metrics: bool,
    counters: Vec<String>,
    timeout_ms: u64,
    memory_mb: usize,
    concurrency: usize,
    max_body_kb: usize,
    isolation: Isolation,
    schedule: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cache: Vec::new(),
            documents: BTreeMap::new(),
            metrics: false,
            counters: Vec::new(),
            timeout_ms: 5_000,
            memory_mb: 64,
            concurrency: 256,
            max_body_kb: 1_024,
            isolation: Isolation::default(),
            schedule: None,
        }
    }
}

/// A manifest that cannot be served; the text names the file, the place and the remedy.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {fault}")]
pub struct ManifestError {
    file: String,
    fault: String,
}

/// Reads and checks the manifest. Relative sources are relative to its folder.
pub fn load(path: &Path) -> Result<Vec<Function>, ManifestError> {
    let fail = |fault: String| ManifestError {
        file: path.display().to_string(),
        fault,
    };
    let text = std::fs::read_to_string(path).map_err(|error| {
        fail(format!(
            "cannot be read ({error}); TRM_MANIFEST names the file"
        ))
    })?;
    parse(&text, path.parent().unwrap_or(Path::new("."))).map_err(fail)
}

fn parse(text: &str, folder: &Path) -> Result<Vec<Function>, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    if file.spin_manifest_version != 2 {
        return Err("spin_manifest_version must be 2".to_owned());
    }
    let mut routes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for trigger in file.trigger.http {
        let (shown, route) = match trigger.route {
            Route::Public(path) => (path.clone(), Some(path)),
            Route::Private { private: true } => ("{ private = true }".to_owned(), None),
            Route::Private { private: false } => {
                return Err("a route is a path, or { private = true }".to_owned());
            }
        };
        if !file.component.contains_key(&trigger.component) {
            return Err(format!(
                "the route {shown} names the component \"{}\", but there is no [component.{}]",
                trigger.component, trigger.component
            ));
        }
        routes.entry(trigger.component).or_default().extend(route);
    }
    variables::check(&file.variables)?;
    let declared = Arc::new(file.variables);
    let mut functions = Vec::new();
    for (name, component) in file.component {
        // A component without a route is a dependency of others under Spin; it serves nothing here.
        let Some(routes) = routes.remove(&name) else {
            continue;
        };
        functions.push(function(name, routes, component, folder, &declared)?);
    }
    if functions.is_empty() {
        return Err("no [[trigger.http]] routes; add one with route and component".to_owned());
    }
    Ok(functions)
}

fn function(
    name: String,
    routes: Vec<String>,
    component: Component,
    folder: &Path,
    declared: &Arc<Declared>,
) -> Result<Function, String> {
    let settings = component.tool.trm;
    let place = format!("[component.{name}.tool.trm]");
    let within = |field: &str, value: u64, least: u64, most: u64| {
        if (least..=most).contains(&value) {
            Ok(())
        } else {
            Err(format!(
                "{place} {field} = {value}: it must be from {least} to {most}"
            ))
        }
    };
    within("timeout_ms", settings.timeout_ms, 1, 600_000)?;
    within("memory_mb", settings.memory_mb as u64, 1, 4_096)?;
    within("concurrency", settings.concurrency as u64, 1, 4_096)?;
    within("max_body_kb", settings.max_body_kb as u64, 0, 1_048_576)?;
    let limits = Limits {
        timeout: Duration::from_millis(settings.timeout_ms),
        memory_mb: settings.memory_mb,
        concurrency: settings.concurrency,
        max_body: settings.max_body_kb << 10,
        isolation: settings.isolation,
    };
    let schedule = settings.schedule.as_deref().map(period).transpose();
    let schedule = schedule.map_err(|fault| format!("{place} {fault}"))?;
    let hosts = component.allowed_outbound_hosts.iter().enumerate();
    let hosts = hosts.map(|(at, host)| (format!("host{at}"), host.clone()));
    let outbound = Templates::read(hosts.collect(), declared)
        .map_err(|fault| format!("[component.{name}] allowed_outbound_hosts: {fault}"))?;
    let grants = Grants::new(Written {
        cache: settings.cache,
        documents: settings.documents,
        metrics: settings.metrics,
        counters: settings.counters,
        key_value_stores: component.key_value_stores,
        outbound: component.allowed_outbound_hosts,
    })
    .map_err(|fault| format!("{place} {fault}"))?;
    let variables = Templates::read(component.variables, declared)
        .map_err(|fault| format!("[component.{name}.variables] {fault}"))?;
    Ok(Function {
        source: folder.join(component.source),
        build: component.build.map(|build| build.command),
        name,
        routes,
        grants,
        limits,
        schedule,
        variables,
        outbound,
    })
}

/// `every 5s`, `every 10m`.
fn period(text: &str) -> Result<Duration, String> {
    let seconds = text.strip_prefix("every ").and_then(|every| {
        let (count, unit) = every.split_at_checked(every.len().checked_sub(1)?)?;
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            _ => return None,
        };
        count
            .parse::<u32>()
            .ok()
            .map(|count| u64::from(count) * unit)
    });
    match seconds {
        Some(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!(
            "schedule = \"{text}\": it must be like \"every 5s\" or \"every 10m\", at most a day"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "spin_manifest_version = 2\n[application]\nname = \"t\"\n[[trigger.http]]\nroute = \"/a\"\ncomponent = \"a\"\n[component.a]\nsource = \"a.wasm\"\n";

    fn fault(extra: &str) -> String {
        parse(&format!("{BASE}{extra}"), Path::new("/app")).unwrap_err()
    }

    #[test]
    fn a_plain_component_gets_the_defaults_and_no_grants() {
        let functions = parse(BASE, Path::new("/app")).unwrap();
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
        let functions = parse(&text, Path::new("/app")).unwrap();
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
}
