//! Amounts of money in integer minor units with their currency (ISO 4217); never a fraction.

use crate::violation::Violation;
use bson::{Document, doc};
use serde::{Deserialize, Serialize};

/// An amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units: cents, say.
    #[serde(deserialize_with = "whole")]
    pub amount: i64,
    /// Three capital letters.
    pub currency: String,
}

/// A yearly salary, from and to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Salary {
    /// The least, in minor units.
    #[serde(deserialize_with = "whole")]
    pub min: i64,
    /// The most, in minor units.
    #[serde(deserialize_with = "whole")]
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

    /// As it is kept.
    pub fn to_document(&self) -> Document {
        doc! {"amount": self.amount, "currency": &self.currency}
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

impl Salary {
    /// As it is kept.
    pub fn to_document(&self) -> Document {
        doc! {"min": self.min, "max": self.max, "currency": &self.currency}
    }
}

/// A whole number, also where it is written with a point: to JSON 2 and 2.0 are one number.
fn whole<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Whole(i64),
        Point(f64),
    }
    /// Up to here every whole number is one of its own as a floating-point number.
    const EXACT: f64 = 9_007_199_254_740_991.0;
    match Number::deserialize(deserializer)? {
        Number::Whole(number) => Ok(number),
        Number::Point(number) if number.fract() == 0.0 && number.abs() <= EXACT => {
            Ok(number as i64)
        }
        Number::Point(_) => Err(serde::de::Error::custom(
            "must be a whole number of minor units",
        )),
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
