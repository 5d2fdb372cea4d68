//! Random bytes from the host, for salts and secrets; keeps no state.

use crate::problem::Problem;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// So many random bytes.
pub fn bytes<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Problem::internal(format_args!("no random bytes: {error}")))?;
    Ok(bytes)
}

/// A secret of 256 bits as text for URLs and headers.
pub fn secret() -> Result<String, Problem> {
    Ok(URL_SAFE_NO_PAD.encode(bytes::<32>()?))
}
