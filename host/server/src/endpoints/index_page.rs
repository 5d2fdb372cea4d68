//! The page at `/` under `trm dev`: links to the console, the description of the API, and the routes.

use super::Endpoint;
use crate::console;
use crate::router::Router;
use http::{HeaderValue, Response, StatusCode, header};
use std::fmt::Write;
use trm_runtime::error::json_response;
use wasmtime_wasi_http::WasiBody;

/// Where it is.
pub(super) const PATH: &str = "/";
/// A route that describes the others, where the application has one.
const DOCS: &str = "/docs";
/// It loads nothing and runs no script.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/// The page as a response.
pub(super) fn answer(router: &Router) -> Response<WasiBody> {
    let routes = router.routes();
    let routes = routes
        .iter()
        .map(|route| (&*route.pattern, &**route.pool.function()));
    let page = page(&routes.collect::<Vec<_>>());
    let mut response = json_response(StatusCode::OK, "text/html; charset=utf-8", page);
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Each route with the function behind it.
fn page(routes: &[(&str, &str)]) -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>trm dev</title>\n\
         <style>body{font:16px/1.5 system-ui,sans-serif;margin:2rem;color-scheme:light dark}td{padding-right:2rem}</style>\n\
         <h1>trm dev</h1>\n<ul>\n",
    );
    // Writing to a text does not fail, here and below.
    _ = writeln!(
        page,
        "<li><a href=\"{0}\">{0}</a>: what the host does, live</li>",
        console::PATH
    );
    if routes.iter().any(|(route, _)| *route == DOCS) {
        _ = writeln!(
            page,
            "<li><a href=\"{DOCS}\">{DOCS}</a>: every route described</li>"
        );
    }
    page += "</ul>\n<h2>Routes</h2>\n<table>\n";
    for (route, function) in routes {
        line(&mut page, route, function);
    }
    for endpoint in Endpoint::ALL {
        line(&mut page, endpoint.path(), "(host)");
    }
    page + "</table>\n</html>\n"
}

/// A route without parameters is a link.
fn line(page: &mut String, route: &str, function: &str) {
    let (shown, function) = (escaped(route), escaped(function));
    let shown = match route.contains(':') || route.contains("...") {
        true => shown,
        false => format!("<a href=\"{shown}\">{shown}</a>"),
    };
    _ = writeln!(page, "<tr><td>{shown}</td><td>{function}</td></tr>");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn routes_are_listed_and_those_without_parameters_are_links() {
        let page = page(&[
            ("/api/jobs", "jobs"),
            ("/api/jobs/:id", "by-id"),
            ("/a\"<b", "x"),
        ]);
        assert!(page.contains("<td><a href=\"/api/jobs\">/api/jobs</a></td><td>jobs</td>"));
        assert!(page.contains("<td>/api/jobs/:id</td><td>by-id</td>"));
        assert!(page.contains("/a&quot;&lt;b") && !page.contains("<b"));
        assert!(page.contains("href=\"/console\"") && !page.contains("href=\"/docs\""));
    }

    #[test]
    fn the_description_is_linked_where_a_route_serves_it() {
        let page = page(&[("/docs", "docs")]);
        assert!(page.contains("<li><a href=\"/docs\">/docs</a>: every route described</li>"));
    }
}
