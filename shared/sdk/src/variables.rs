//! `spin:variables`: what spin.toml and the environment give the function; keeps nothing.

use crate::problem::Problem;

/// The value of a variable of this component. One that spin.toml does not give it is a fault of the
/// deployment: the problem is a 500, and the log names the variable.
pub async fn get(name: &str) -> Result<String, Problem> {
    spin_sdk::variables::get(name)
        .await
        .map_err(|error| Problem::internal(format_args!("the variable {name}: {error}")))
}
