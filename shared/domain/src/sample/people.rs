//! The sample's users and their referral network; invents no referrals.

use super::companies::{CITIES, City};
use super::random::Random;
use super::{DAY, Kind, USERS, id};
use bson::{DateTime, Document, doc};

const GIVEN: [&str; 32] = [
    "Anna", "Jonas", "Sofia", "Mateo", "Emma", "Lukas", "Chloé", "Hugo", "Isla", "Oliver", "Freya",
    "Noah", "Priya", "Arjun", "Mei", "Kenji", "Aisha", "Omar", "Zofia", "Piotr", "Inês", "Tiago",
    "Elif", "Deniz", "Grace", "Samuel", "Maya", "Daniel", "Nora", "Felix", "Amara", "Leo",
];
const FAMILY: [&str; 32] = [
    "Schneider",
    "Weber",
    "García",
    "Moreno",
    "Dubois",
    "Laurent",
    "Smith",
    "Taylor",
    "Murphy",
    "Kelly",
    "de Vries",
    "Bakker",
    "Silva",
    "Costa",
    "Nowak",
    "Kowalski",
    "Lindqvist",
    "Berg",
    "Sharma",
    "Patel",
    "Chen",
    "Tanaka",
    "Haddad",
    "Rahman",
    "Yılmaz",
    "Demir",
    "Okafor",
    "Mensah",
    "Johnson",
    "Nguyen",
    "Keller",
    "Rossi",
];
const WORK: [&str; 12] = [
    "Staff Engineer",
    "Product Designer",
    "Engineering Manager",
    "Recruiting Partner",
    "Data Scientist",
    "Head of Sales",
    "Backend Developer",
    "Finance Lead",
    "Nurse Practitioner",
    "Operations Manager",
    "Marketing Lead",
    "Solutions Architect",
];

/// A user's name, from the number alone: the two lists are walked at different paces.
pub fn name(nth: u32) -> (&'static str, &'static str) {
    let nth = nth as usize;
    (
        GIVEN[(nth * 5 + nth / 32) % GIVEN.len()],
        FAMILY[(nth * 11 + nth / 32 * 3) % FAMILY.len()],
    )
}

/// A mail address that no other number has.
pub fn email(nth: u32, domain: &str) -> String {
    let (given, family) = name(nth);
    format!("{}.{}{nth}@{domain}", plain(given), plain(family))
}

/// Lower-case ASCII letters of a name.
fn plain(name: &str) -> String {
    name.chars()
        .filter_map(|letter| match letter {
            'é' | 'ê' => Some('e'),
            'í' | 'ı' => Some('i'),
            letter if letter.is_ascii_alphabetic() => Some(letter.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

/// The password of the accounts to try things with, one for each role. Its hash is the same in every
/// store that holds sample data: such a store is not for production.
pub const DEMO_PASSWORD: &str = "demo-password";
const DEMO_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$dHJtLWRlbW8tc2FsdC0xNg$bdfKK2WNzx2C+m12y1YiDW5kDsPpnsW8LU1tPj6DMHE";

/// Their mail addresses and roles. The recruiter hires for the first company.
pub const DEMO: [(&str, &str); 3] = [
    ("admin@demo.example", "admin"),
    ("recruiter@demo.example", "recruiter"),
    ("referrer@demo.example", "referrer"),
];

fn demo(now: i64) -> impl Iterator<Item = Document> {
    (1..).zip(DEMO).map(move |(nth, (email, role))| {
        let mut user = doc! {
            "_id": id(Kind::User, 9_000 + nth),
            "email": email,
            "passwordHash": DEMO_HASH,
            "name": format!("Demo {role}"),
            "role": role,
            "referrerProfile": {"inviteCode": format!("TRM-DEMO{nth}")},
            "revision": 1_i64,
            "createdAt": DateTime::from_millis(now),
        };
        if role == "recruiter" {
            user.insert("companyId", id(Kind::Company, 1));
        }
        user
    })
}

pub fn all(now: i64) -> Vec<Document> {
    let mut random = Random::new(22);
    (1..=USERS)
        .map(|nth| {
            let (given, family) = name(nth);
            let City(city, country, ..) = random.pick(&CITIES);
            let mut profile = doc! {"inviteCode": format!("TRM-{:05}", nth * 7_919 % 100_000)};
            // One in five came alone; the others were invited by someone who was there before.
            if nth > 1 && random.below(5) > 0 {
                let parent = 1 + random.below((nth - 1).min(60));
                profile.insert("parentReferrerId", id(Kind::User, parent));
            }
            let role = if nth.is_multiple_of(20) { "recruiter" } else { "referrer" };
            doc! {
                "_id": id(Kind::User, nth),
                "email": email(nth, "people.example"),
                "name": format!("{given} {family}"),
                "headline": *random.pick(&WORK),
                "role": role,
                "location": {"city": *city, "country": *country},
                "referrerProfile": profile,
                "revision": 1_i64,
                "createdAt": DateTime::from_millis(now - i64::from(USERS - nth) * DAY - random.between(0, DAY)),
            }
        })
        .chain(demo(now))
        .collect()
}
