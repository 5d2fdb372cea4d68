//! Requests worth trying, as lines for a shell: of the marketplace where its routes and sample data are there, else of
//! routes that answer a plain GET.

use super::client;
use super::sample::{DEMO, PASSWORD, example_id};
use futures::future::join_all;
use http::{Request, StatusCode};
use http_body_util::Full;
use std::net::SocketAddr;
use std::time::Duration;
use trm_policy::manifest::Function;

/// How many are printed.
const COUNT: usize = 5;
/// How long a route may take for an answer to be an example.
const TIMEOUT: Duration = Duration::from_secs(2);

/// One of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Example {
    /// What it shows.
    pub(super) title: &'static str,
    /// The line.
    pub(super) command: String,
}

/// The marketplace's: a list, an item, a search, a sign-in, and a write with the token of the sign-in. None where a
/// route is missing.
pub(super) fn of_marketplace(
    functions: &[Function],
    address: SocketAddr,
) -> Option<[Example; COUNT]> {
    let has = |route: &str| {
        functions
            .iter()
            .any(|one| one.routes.iter().any(|own| own == route))
    };
    let needed = [
        "/api/jobs",
        "/api/jobs/:id",
        "/api/jobs/search",
        "/api/auth/login",
    ];
    needed.into_iter().all(has).then(|| marketplace(address))
}

fn marketplace(address: SocketAddr) -> [Example; COUNT] {
    let (email, _) = DEMO[0];
    let api = format!("http://{address}/api");
    let (job, company) = (example_id("jobs"), example_id("companies"));
    let login = format!(r#"{{"email":"{email}","password":"{PASSWORD}"}}"#);
    let new = format!(
        r#"{{"companyId":"{company}","title":"Tester","description":"Try TRM.","location":{{"city":"Berlin","country":"DE"}},"salary":{{"min":6000000,"max":7500000,"currency":"EUR"}}}}"#
    );
    // The token is cut out by sed, which every system has.
    let token = r#"sed 's/.*"accessToken":"\([^"]*\)".*/\1/'"#;
    [
        (
            "a list",
            format!("curl '{api}/jobs?city=Berlin&sort=-salary.max&fields=title,salary&limit=3'"),
        ),
        ("one item", format!("curl {api}/jobs/{job}")),
        (
            "a search",
            format!("curl '{api}/jobs/search?q=backend+berlin&fields=title,location&limit=3'"),
        ),
        (
            "a sign-in",
            format!("token=$(curl -s {api}/auth/login --json '{login}' | {token})"),
        ),
        (
            "a write",
            format!("curl {api}/jobs -H \"Authorization: Bearer $token\" --json '{new}'"),
        ),
    ]
    .map(|(title, command)| Example { title, command })
}

/// Routes without parameters; which methods they answer is not known.
pub(super) fn plain_routes(functions: &[Function]) -> impl Iterator<Item = &str> {
    let routes = functions.iter().flat_map(|function| &function.routes);
    let routes = routes.map(String::as_str);
    routes.filter(|route| !route.contains(':') && !route.contains("..."))
}

/// The first of these that answer GET now, and are no failure.
pub(super) async fn of_routes(functions: &[Function], address: SocketAddr) -> Vec<Example> {
    let asked = plain_routes(functions).take(COUNT).map(async |route| {
        let status = get(address, route, TIMEOUT).await.ok()?;
        let answers = !status.is_client_error() && !status.is_server_error();
        answers.then(|| Example {
            title: "a route",
            command: format!("curl http://{address}{route}"),
        })
    });
    join_all(asked).await.into_iter().flatten().collect()
}

/// Asks the host itself.
pub(super) async fn get(
    address: SocketAddr,
    path: &str,
    timeout: Duration,
) -> anyhow::Result<StatusCode> {
    let request = Request::get(path).body(Full::default())?;
    let response = tokio::time::timeout(timeout, client::send(address, request)).await??;
    Ok(response.status())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn functions(routes: &[&str]) -> Vec<Function> {
        let mut text = String::from("spin_manifest_version = 2\n[application]\nname = \"t\"\n");
        for (at, route) in routes.iter().enumerate() {
            text += &format!("[[trigger.http]]\nroute = \"{route}\"\ncomponent = \"f{at}\"\n");
        }
        for at in 0..routes.len() {
            text += &format!("[component.f{at}]\nsource = \"f.wasm\"\n");
        }
        let (functions, faults) = trm_policy::manifest::read(&text, std::path::Path::new("/"));
        assert_eq!(faults, []);
        functions
    }

    #[test]
    fn another_application_has_no_examples_of_the_marketplace() {
        let address = SocketAddr::from(([127, 0, 0, 1], 3000));
        let routes = [
            "/api/jobs",
            "/api/jobs/:id",
            "/api/jobs/search",
            "/api/auth/login",
        ];
        let examples = of_marketplace(&functions(&routes), address).unwrap();
        let lines = examples.map(|example| example.command);
        assert!(
            lines
                .iter()
                .all(|line| line.contains("http://127.0.0.1:3000/api/"))
        );
        for missing in 0..routes.len() {
            let mut routes = routes.to_vec();
            routes.remove(missing);
            assert_eq!(of_marketplace(&functions(&routes), address), None);
        }
    }

    #[test]
    fn routes_with_parameters_are_not_plain() {
        let functions = functions(&["/a", "/a/:id", "/files/...", "/b"]);
        let plain: Vec<&str> = plain_routes(&functions).collect();
        assert_eq!(plain, ["/a", "/b"]);
    }
}
