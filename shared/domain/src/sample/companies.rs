//! The sample's companies and the cities where they are; invents no jobs.

use super::random::Random;
use super::{COMPANIES, DAY, Kind, id};
use bson::{DateTime, Document, doc};

/// A city, its country, the currency that is paid there, and a factor for its salaries in percent.
pub struct City(
    pub &'static str,
    pub &'static str,
    pub &'static str,
    pub i64,
);

/// Where the marketplace's jobs and people are.
pub const CITIES: [City; 16] = [
    City("Berlin", "DE", "EUR", 100),
    City("Munich", "DE", "EUR", 112),
    City("Hamburg", "DE", "EUR", 98),
    City("Amsterdam", "NL", "EUR", 108),
    City("Paris", "FR", "EUR", 102),
    City("Lyon", "FR", "EUR", 88),
    City("Madrid", "ES", "EUR", 78),
    City("Lisbon", "PT", "EUR", 68),
    City("Dublin", "IE", "EUR", 110),
    City("London", "GB", "GBP", 105),
    City("Manchester", "GB", "GBP", 84),
    City("Zurich", "CH", "CHF", 165),
    City("Stockholm", "SE", "SEK", 1_050),
    City("New York", "US", "USD", 160),
    City("Austin", "US", "USD", 138),
    City("Toronto", "CA", "CAD", 135),
];

const FIRST: [&str; 25] = [
    "Northwind",
    "Blue Harbor",
    "Kestrel",
    "Alder",
    "Lumen",
    "Quarry",
    "Saffron",
    "Tidewater",
    "Juniper",
    "Copperfield",
    "Meridian",
    "Halcyon",
    "Birchwood",
    "Redstart",
    "Fathom",
    "Orchard",
    "Signal",
    "Paperplane",
    "Greyling",
    "Tessera",
    "Wren",
    "Cobalt",
    "Larkspur",
    "Summit",
    "Harbor",
];
const FIELDS: [(&str, &str); 10] = [
    ("Logistics", "logistics"),
    ("Health", "healthcare"),
    ("Energy", "energy"),
    ("Analytics", "software"),
    ("Robotics", "manufacturing"),
    ("Finance", "financial services"),
    ("Learning", "education"),
    ("Foods", "food"),
    ("Security", "software"),
    ("Travel", "travel"),
];
const SIZES: [&str; 5] = ["1-10", "11-50", "51-200", "201-1000", "1001-5000"];

/// A company's name, from its number alone.
pub fn name(nth: u32) -> String {
    let first = FIRST[nth as usize % FIRST.len()];
    let (field, _) = FIELDS[(nth as usize * 3 + nth as usize / FIRST.len()) % FIELDS.len()];
    format!("{first} {field}")
}

/// Where a company is.
pub fn city(nth: u32) -> &'static City {
    &CITIES[(nth as usize * 7) % CITIES.len()]
}

pub fn all(now: i64) -> Vec<Document> {
    let mut random = Random::new(11);
    (1..=COMPANIES)
        .map(|nth| {
            let City(city, country, ..) = city(nth);
            let (_, industry) =
                FIELDS[(nth as usize * 3 + nth as usize / FIRST.len()) % FIELDS.len()];
            let site = name(nth).to_lowercase().replace(' ', "-");
            doc! {
                "_id": id(Kind::Company, nth),
                "name": name(nth),
                "industry": industry,
                "size": *random.pick(&SIZES),
                "website": format!("https://{site}.example"),
                "location": {"city": *city, "country": *country},
                "revision": 1_i64,
                "createdAt": DateTime::from_millis(now - random.between(400, 1_500) * DAY),
            }
        })
        .collect()
}
