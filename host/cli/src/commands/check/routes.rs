//! Routes against each other and against the host's own; looks into no component.

use matchit::InsertError;
use std::collections::BTreeMap;
use toml::Value;
use trm_policy::manifest::Fault;
use trm_policy::manifest::Places;
use trm_policy::routes::translate;
use trm_server::endpoints::Endpoint;

/// Every route that is spelt wrong, is taken, or is the host's.
pub(super) fn complain(table: &toml::Table, places: &Places<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut paths = matchit::Router::new();
    // By matchit's spelling, which is what it names.
    let mut owners = BTreeMap::new();
    for (index, route, component) in listed(table) {
        let line = places.line(&["trigger", "http", &index.to_string(), "route"]);
        let mut fault = |text: String| faults.push(Fault { line, text });
        if Endpoint::of(route).is_some() {
            fault(format!(
                "the route {route} of \"{component}\" is never asked: the host itself answers it; choose another path"
            ));
        }
        let spelt = match translate(route) {
            Ok(spelt) => spelt,
            Err(wrong) => {
                fault(wrong);
                continue;
            }
        };
        for path in spelt {
            match paths.insert(path.clone(), ()) {
                Ok(()) => drop(owners.insert(path, (route, component, line))),
                Err(InsertError::Conflict { with }) => {
                    let taken = owners.get(&with).map(|(route, component, line)| {
                        format!("{route} of \"{component}\" in line {line}")
                    });
                    fault(format!(
                        "the route {route} of \"{component}\" meets the same requests as {}; change one of them",
                        taken.unwrap_or(with)
                    ));
                    break;
                }
                Err(error) => {
                    fault(format!("the route {route} of \"{component}\": {error}"));
                    break;
                }
            }
        }
    }
    faults
}

/// Why a new route cannot be a component's, where it cannot.
pub(in crate::commands) fn taken(manifest: &str, route: &str, component: &str) -> Option<String> {
    let trigger = format!("\n[[trigger.http]]\nroute = {route:?}\ncomponent = {component:?}\n");
    let text = format!("{}{trigger}", manifest.trim_end());
    let line = text.lines().count() - 1;
    let table = toml::from_str(&text).ok()?;
    let faults = complain(&table, &Places::of(&text).ok()?);
    let new = faults.into_iter().find(|fault| fault.line == line);
    new.map(|fault| fault.text)
}

/// The public routes in their order: index, path, component.
pub(super) fn listed(table: &toml::Table) -> impl Iterator<Item = (usize, &str, &str)> {
    let http = table
        .get("trigger")
        .and_then(|triggers| triggers.get("http"));
    let http = http.and_then(Value::as_array).into_iter().flatten();
    http.enumerate().filter_map(|(index, trigger)| {
        let route = trigger.get("route")?.as_str()?;
        Some((index, route, trigger.get("component")?.as_str()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_route_names_who_has_it() {
        let trigger = |route, component| {
            format!("[[trigger.http]]\nroute = \"{route}\"\ncomponent = \"{component}\"\n")
        };
        let text = [
            trigger("/a/:id", "a"),
            trigger("/a/:name", "b"),
            trigger("/metrics", "c"),
            trigger("/a/x", "d"),
            trigger("nowhere", "e"),
        ]
        .concat();
        let table = toml::from_str(&text).unwrap();
        let faults = complain(&table, &Places::of(&text).ok().unwrap());
        let lines: Vec<usize> = faults.iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [5, 8, 14], "{faults:#?}");
        let taken = &faults[0].text;
        assert!(taken.contains("/a/:id of \"a\" in line 2"), "{taken}");
    }
}
