//! What `trm dev` prints once the host listens: its first response, what to try, and where to look.

use super::examples::{self, Example};
use super::sample::{DEMO, PASSWORD};
use crate::status;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use trm_policy::manifest::Function;
use trm_server::endpoints::Endpoint;

/// How long the first response may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What is known of the host.
pub(super) struct Greeting<'a> {
    /// What it serves.
    pub(super) functions: &'a [Function],
    /// Where it is reached.
    pub(super) address: SocketAddr,
    /// When the command began.
    pub(super) began: Instant,
    /// Whether the store holds the sample data.
    pub(super) has_sample: bool,
}

impl Greeting<'_> {
    /// Prints it, with every route or with examples.
    pub(super) async fn print(&self, routes: bool) {
        status::say(&self.first_response().await);
        match routes {
            true => self.print_routes(),
            false => self.print_examples().await,
        }
        let address = self.address;
        let docs = match self.serves("/docs") {
            true => format!(", http://{address}/docs describes the routes"),
            false => String::new(),
        };
        println!("\nhttp://{address}/console shows what the host does{docs}.");
        println!("Saved changes are built and served at once. Ctrl-C stops the host.");
    }

    /// One request, as a client sends it.
    async fn first_response(&self) -> String {
        let path = examples::plain_routes(self.functions).next();
        let path = match self.serves("/api/jobs") {
            true => "/api/jobs",
            false => path.unwrap_or(Endpoint::Health.path()),
        };
        let request = examples::get(self.address, path, TIMEOUT);
        let response = status::during("waiting for the first response", request).await;
        let after = seconds(self.began.elapsed());
        match response {
            Ok(status) => format!(
                "first response after {after}: GET {path} {}",
                status.as_u16()
            ),
            Err(error) => format!("no response after {after}: GET {path}: {error:#}"),
        }
    }

    fn serves(&self, route: &str) -> bool {
        let mut routes = self.functions.iter().flat_map(|function| &function.routes);
        routes.any(|own| own == route)
    }

    async fn print_examples(&self) {
        let of_marketplace = || examples::of_marketplace(self.functions, self.address);
        if let Some(examples) = self.has_sample.then(of_marketplace).flatten() {
            println!("\nTry:");
            print_lines(&examples);
            let accounts = DEMO.map(|(email, _)| email).join(", ");
            println!("\nAccounts of the sample data, with the password {PASSWORD}: {accounts}");
        } else {
            let examples = examples::of_routes(self.functions, self.address).await;
            if !examples.is_empty() {
                println!("\nTry:");
                print_lines(&examples);
            }
        }
        println!("`trm dev --routes` prints every route.");
    }

    fn print_routes(&self) {
        println!();
        for function in self.functions {
            for route in &function.routes {
                println!("  {route:<40} {}", function.name);
            }
        }
        for endpoint in Endpoint::ALL {
            println!("  {:<40} (host)", endpoint.path());
        }
    }
}

fn print_lines(examples: &[Example]) {
    for Example { title, command } in examples {
        println!("  # {title}\n  {command}");
    }
}

/// Tenths where they matter.
fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenths_are_shown_of_short_times() {
        assert_eq!(seconds(Duration::from_millis(1_240)), "1.2 s");
        assert_eq!(seconds(Duration::from_millis(41_900)), "41 s");
    }
}
