//! From a path to the function that serves it; never runs a guest.

use std::sync::{Arc, OnceLock};
use trm_policy::routes::RouteTable;
use trm_runtime::pool::Pool;
use trm_telemetry::metrics::Series;

/// The routes of one manifest.
#[derive(Default)]
pub struct Router {
    table: RouteTable<Arc<Route>>,
    routes: Vec<Arc<Route>>,
}

/// One path pattern and the function behind it.
pub struct Route {
    /// The pattern as the manifest spells it.
    pub pattern: Arc<str>,
    /// The function's workers.
    pub pool: Arc<Pool>,
    /// The series of what most of its answers are: reads that succeed.
    pub read: OnceLock<Series>,
}

/// A path that a route matches.
pub struct Match {
    /// The route.
    pub route: Arc<Route>,
    /// Its named segments, in order.
    pub parameters: Vec<(String, String)>,
    /// What a trailing wildcard matched.
    pub rest: String,
}

impl Router {
    /// Adds a route, in Spin's notation: `/jobs`, `/jobs/:id`, `/files/...`.
    pub fn add(&mut self, pattern: &str, pool: Arc<Pool>) -> Result<(), String> {
        let route = Arc::new(Route {
            pattern: pattern.into(),
            pool,
            read: OnceLock::new(),
        });
        self.table
            .add(pattern, route.clone())
            .map_err(|error| format!("\"{}\": {error}", route.pool.function()))?;
        self.routes.push(route);
        Ok(())
    }

    /// The route of a path, if any.
    pub fn find(&self, path: &str) -> Option<Match> {
        let found = self.table.find(path)?;
        Some(Match {
            route: found.target.clone(),
            parameters: found.parameters,
            rest: found.rest,
        })
    }

    /// All routes, in the manifest's order.
    pub fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }
}
