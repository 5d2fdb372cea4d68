//! Names of cache entries and tags that end in an identifier; reads and keeps nothing.

use trm_sdk::bson::oid::ObjectId;
use trm_sdk::identifier;

/// The prefix and the identifier, in hexadecimal. Each read of a document asks for two of them, and formatting costs
/// ten times as much.
pub fn of(prefix: &str, id: ObjectId) -> String {
    let digits = identifier::digits(&id.bytes());
    [prefix, str::from_utf8(&digits).expect("digits are text")].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_formatting_gives() {
        let id = ObjectId::parse_str("650000000300000000000aef").unwrap();
        assert_eq!(of("job:", id), format!("job:{id}"));
    }
}
