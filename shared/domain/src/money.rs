//! Amounts of money in integer minor units with their currency (ISO 4217); never a fraction.

use crate::violation::Violation;
use serde::{Deserialize, Serialize};

/// An amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units: cents, say.
    pub amount: i64,
    /// Three capital letters.
    pub currency: String,
}

/// A yearly salary, from and to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Salary {
    /// The least, in minor units.
    pub min: i64,
    /// The most, in minor units.
    pub max: i64,
    /// Three capital letters.
    pub currency: String,
}

impl Money {
    /// Not negative, in a known form of currency.
    pub fn check(&self, pointer: &str) -> Result<(), Violation> {
        currency(&format!("{pointer}/currency"), &self.currency)?;
        match self.amount {
            0.. => Ok(()),
            _ => Err(Violation::new(
                format!("{pointer}/amount"),
                "must not be negative",
            )),
        }
    }
}

impl Salary {
    /// Not negative, and not upside down.
    pub fn check(&self, pointer: &str) -> Result<(), Violation> {
        currency(&format!("{pointer}/currency"), &self.currency)?;
        if self.min < 0 {
            return Err(Violation::new(
                format!("{pointer}/min"),
                "must not be negative",
            ));
        }
        if self.max < self.min {
            return Err(Violation::new(
                format!("{pointer}/max"),
                "must not be less than min",
            ));
        }
        Ok(())
    }
}

fn currency(pointer: &str, code: &str) -> Result<(), Violation> {
    if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(());
    }
    Err(Violation::new(
        pointer,
        "must be three capital letters (ISO 4217), like EUR",
    ))
}
