//! What spin.toml says of components, as Spin reads it: routes, sources, variables and dependencies; ignores what is TRM's alone.

use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// One component that is reached by a route.
pub struct Function {
    pub name: String,
    pub route: String,
    pub source: PathBuf,
    /// The package that is depended on (`trm:platform@0.1.0`) and the component that supplies it.
    pub dependencies: Vec<(String, PathBuf)>,
    pub variables: BTreeMap<String, String>,
}

/// The manifest.
pub struct Application {
    pub functions: Vec<Function>,
}

impl Application {
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        let manifest: Table = text.parse()?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let declared = declared(&manifest)?;
        let triggers = at(&manifest, &["trigger", "http"]).and_then(Value::as_array);
        let mut functions = Vec::new();
        for trigger in triggers.into_iter().flatten() {
            let Some(route) = trigger.get("route").and_then(Value::as_str) else {
                // A private route: nobody reaches it from outside.
                continue;
            };
            let name = trigger.get("component").and_then(Value::as_str);
            let name = name.with_context(|| format!("the route {route} names no component"))?;
            functions.push(function(&manifest, folder, name, route, &declared)?);
        }
        Ok(Self { functions })
    }
}

fn function(
    manifest: &Table,
    folder: &Path,
    name: &str,
    route: &str,
    declared: &BTreeMap<String, String>,
) -> anyhow::Result<Function> {
    let mut dependencies = Vec::new();
    let named = at(manifest, &["component", name, "dependencies"]).and_then(Value::as_table);
    for (package, dependency) in named.into_iter().flatten() {
        let Some(component) = dependency.get("component").and_then(Value::as_str) else {
            bail!("{name} takes {package} from something else than a component of this manifest");
        };
        dependencies.push((package.clone(), source(manifest, folder, component)?));
    }
    let mut variables = BTreeMap::new();
    let given = at(manifest, &["component", name, "variables"]).and_then(Value::as_table);
    for (variable, template) in given.into_iter().flatten() {
        let template = template.as_str().unwrap_or_default();
        let mut value = template.to_owned();
        for (name, with) in declared {
            value = value.replace(&format!("{{{{ {name} }}}}"), with);
        }
        variables.insert(variable.clone(), value);
    }
    Ok(Function {
        name: name.to_owned(),
        route: route.to_owned(),
        source: source(manifest, folder, name)?,
        dependencies,
        variables,
    })
}

fn source(manifest: &Table, folder: &Path, component: &str) -> anyhow::Result<PathBuf> {
    let source = at(manifest, &["component", component, "source"]).and_then(Value::as_str);
    let source = source.with_context(|| format!("[component.{component}] has no source"))?;
    Ok(folder.join(source))
}

/// The application's variables: from `SPIN_VARIABLE_NAME`, else the default.
fn declared(manifest: &Table) -> anyhow::Result<BTreeMap<String, String>> {
    let declared = manifest.get("variables").and_then(Value::as_table);
    let mut values = BTreeMap::new();
    for (name, how) in declared.into_iter().flatten() {
        let variable = format!("SPIN_VARIABLE_{}", name.to_uppercase());
        let default = how.get("default").and_then(Value::as_str);
        let value = std::env::var(&variable).ok();
        let value = value.or_else(|| default.map(str::to_owned));
        let value = value.with_context(|| format!("{variable} is not set"))?;
        values.insert(name.clone(), value);
    }
    Ok(values)
}

fn at<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let first = table.get(*first)?;
    rest.iter().try_fold(first, |value, name| value.get(name))
}
