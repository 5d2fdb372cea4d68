//! The sample's jobs: titles, texts and salaries that fit each other; invents no companies.

use super::companies;
use super::companies::City;
use super::random::Random;
use super::{COMPANIES, DAY, JOBS, Kind, id};
use bson::{DateTime, Document, doc};

/// A title, what the work is, its keywords, and a usual salary in thousands in Berlin.
struct Role(&'static str, &'static str, [&'static str; 3], i64);

const ROLES: [Role; 14] = [
    Role(
        "Backend Engineer",
        "design and run the services behind our product",
        ["rust", "mongodb", "distributed systems"],
        72,
    ),
    Role(
        "Frontend Engineer",
        "build the pages that our customers use every day",
        ["typescript", "react", "accessibility"],
        66,
    ),
    Role(
        "Platform Engineer",
        "keep our clusters fast, safe and boring",
        ["kubernetes", "webassembly", "observability"],
        78,
    ),
    Role(
        "Data Engineer",
        "bring our data to the people who decide with it",
        ["python", "sql", "airflow"],
        70,
    ),
    Role(
        "Machine Learning Engineer",
        "take models from notebooks to production",
        ["python", "pytorch", "mlops"],
        82,
    ),
    Role(
        "Product Manager",
        "find out what our customers need and see it built",
        ["discovery", "roadmaps", "analytics"],
        76,
    ),
    Role(
        "Product Designer",
        "shape flows that need no manual",
        ["figma", "research", "prototyping"],
        64,
    ),
    Role(
        "Site Reliability Engineer",
        "make outages rare, short and instructive",
        ["linux", "prometheus", "incident response"],
        80,
    ),
    Role(
        "Security Engineer",
        "find our weak spots before others do",
        ["threat modelling", "cloud", "cryptography"],
        84,
    ),
    Role(
        "Account Executive",
        "win customers who stay",
        ["saas", "negotiation", "crm"],
        58,
    ),
    Role(
        "Customer Success Manager",
        "help our customers reach what they bought us for",
        ["onboarding", "saas", "communication"],
        52,
    ),
    Role(
        "Financial Analyst",
        "tell us where our money goes and why",
        ["forecasting", "excel", "sql"],
        56,
    ),
    Role(
        "People Partner",
        "support our teams from hiring to farewell",
        ["coaching", "labour law", "recruiting"],
        54,
    ),
    Role(
        "Operations Manager",
        "make every day run as it should",
        ["logistics", "process", "leadership"],
        57,
    ),
];
/// A level and what it does to a salary in percent.
const LEVELS: [(&str, i64); 4] = [("Junior ", 75), ("", 100), ("Senior ", 128), ("Lead ", 150)];
const OFFERS: [&str; 5] = [
    "You work in a team of six with its own budget and its own on-call, paid.",
    "We have four days a week in summer, and mean it.",
    "Every second Friday belongs to what you want to learn.",
    "We publish our salary bands and how they are made.",
    "You can work from anywhere in your time zone for two months a year.",
];

pub fn all(now: i64) -> Vec<Document> {
    let mut random = Random::new(33);
    (1..=JOBS).map(|nth| job(nth, now, &mut random)).collect()
}

fn job(nth: u32, now: i64, random: &mut Random) -> Document {
    let company = 1 + random.below(COMPANIES);
    let Role(title, work, tags, thousands) = random.pick(&ROLES);
    let (level, percent) = random.pick(&LEVELS);
    let City(city, country, currency, local) = match random.below(4) {
        0 => random.pick(&companies::CITIES),
        _ => companies::city(company),
    };
    // Minor units, rounded to a thousand of the currency.
    let usual = thousands * percent / 100 * local / 100;
    let (min, max) = (usual * 92 / 100 * 100_000, usual * 112 / 100 * 100_000);
    let created = now - random.between(0, 180) * DAY - random.between(0, DAY);
    let status = match random.below(20) {
        0 => "draft",
        1 | 2 => "paused",
        3..6 => "closed",
        _ => "active",
    };
    let description = format!(
        "At {} in {city} you will {work}. {} {}",
        companies::name(company),
        random.pick(&OFFERS),
        "Tell us what you have built, broken and mended."
    );
    doc! {
        "_id": id(Kind::Job, nth),
        "companyId": id(Kind::Company, company),
        "title": format!("{level}{title}"),
        "description": description,
        "location": {"city": *city, "country": *country, "remote": random.below(3) == 0},
        "salary": {"min": min, "max": max, "currency": *currency},
        "referralBonus": {"amount": min / 25, "currency": *currency},
        "tags": tags.to_vec(),
        "status": status,
        "revision": 1_i64,
        "createdAt": DateTime::from_millis(created),
        "updatedAt": DateTime::from_millis((created + random.between(0, 20) * DAY).min(now)),
    }
}
