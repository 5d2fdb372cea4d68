//! Sessions: begun, read from the cache with the origin as truth, renewed, ended; checks no password.

use crate::collections::{SESSIONS, USERS};
use crate::keys;
use crate::names;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::bson::{self, DateTime, Document};
use trm_sdk::cache::{self, Options};
use trm_sdk::documents::{bytes, read};
use trm_sdk::signing::Secrets;
use trm_sdk::{Problem, doc, time};

/// How long a token is good for.
const TOKEN_SECONDS: i64 = 900;
/// How long a session lives without being renewed.
const SESSION_MS: i64 = 30 * 86_400_000;

/// What a token says.
#[derive(Serialize, Deserialize, Clone)]
struct Claims {
    sub: String,
    sid: String,
}

/// What is known of a session.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its identifier.
    pub id: ObjectId,
    /// Whose it is.
    pub user: ObjectId,
    /// The user's role.
    pub role: String,
    /// The user's company.
    pub company: Option<ObjectId>,
}

impl Session {
    fn of(document: &Document) -> bson::error::Result<Self> {
        Ok(Self {
            id: document.get_object_id("_id")?,
            user: document.get_object_id("userId")?,
            role: document.get_str("role")?.to_owned(),
            company: document.get_object_id("companyId").ok(),
        })
    }
}

/// Begins a session; the tokens as the client gets them.
pub async fn begin(user: ObjectId) -> Result<Value, Problem> {
    let (id, now) = (ObjectId::new(), time::now());
    let kept = doc! {
        "_id": id, "userId": user, "generation": 1_i64, "createdAt": now, "seenAt": now,
        "expiresAt": after(now, SESSION_MS),
    };
    SESSIONS.insert(&kept).await?;
    tokens(&keys::tokens().await?, user, id, 1)
}

/// The session of a token: signed, not expired, and not ended anywhere.
pub async fn of_token(token: &str) -> Result<Session, Problem> {
    let refused =
        || Problem::unauthorized("the token is not valid, or not any more; sign in again");
    let claims: Claims = keys::tokens().await?.read(token).ok_or_else(refused)?;
    let (Ok(id), Ok(user)) = (
        ObjectId::parse_str(&claims.sid),
        ObjectId::parse_str(&claims.sub),
    ) else {
        return Err(refused());
    };
    let options = Options::tagged([names::of("user:", user)]);
    let body = cache::get_or_set(&names::of("session:", id), options, async || {
        let live = doc! {"_id": id, "expiresAt": {"$gt": time::now()}};
        let kept: Option<Document> = SESSIONS.find_one(live, None).await?;
        let kept = kept.ok_or_else(refused)?;
        let fields = doc! {"role": 1, "companyId": 1};
        let user = kept.get_object_id("userId").map_err(Problem::internal)?;
        let member: Option<Document> = USERS.find_one(doc! {"_id": user}, Some(fields)).await?;
        let mut session = member.ok_or_else(refused)?;
        session.insert("_id", id);
        session.insert("userId", user);
        Ok::<_, Problem>(bytes(&session)?)
    })
    .await?;
    Session::of(&read(&body)?).map_err(Problem::internal)
}

/// New tokens for a refresh token, which is used up by it. One that was used up before ends the
/// session: either the thief or the owner has it, and nobody can tell which.
pub async fn renew(refresh: &str) -> Result<Value, Problem> {
    let refused = || Problem::unauthorized("the refresh token is not valid; sign in again");
    let secrets = keys::tokens().await?;
    let (id, generation) = parse(&secrets, refresh).ok_or_else(refused)?;
    let kept: Option<Document> = SESSIONS.find_one(doc! {"_id": id}, None).await?;
    let kept = kept.ok_or_else(refused)?;
    let of_kept = || {
        let (user, expires) = (
            kept.get_object_id("userId")?,
            kept.get_datetime("expiresAt")?,
        );
        bson::error::Result::Ok((user, *expires, kept.get_i64("generation")?))
    };
    let (user, expires, last) = of_kept().map_err(Problem::internal)?;
    let now = time::now();
    if expires <= now {
        end(id).await?;
        return Err(refused());
    }
    let current = doc! {"_id": id, "generation": generation};
    let set = doc! {"seenAt": now, "expiresAt": after(now, SESSION_MS)};
    let renewed = SESSIONS
        .update_one::<Document>(current, doc! {"$set": set, "$inc": {"generation": 1_i64}})
        .await?;
    if renewed.is_none() || last != generation {
        end(id).await?;
        return Err(refused());
    }
    tokens(&secrets, user, id, generation + 1)
}

/// Ends a session on every host. Ending what has ended is no fault.
pub async fn end(id: ObjectId) -> Result<(), Problem> {
    SESSIONS.delete_one(doc! {"_id": id}).await?;
    cache::delete(&format!("session:{id}")).await?;
    Ok(())
}

fn tokens(
    secrets: &Secrets,
    user: ObjectId,
    id: ObjectId,
    generation: i64,
) -> Result<Value, Problem> {
    let claims = Claims {
        sub: user.to_hex(),
        sid: id.to_hex(),
    };
    let text = format!("{}.{generation}", id.to_hex());
    let seal = secrets.seal("refresh", &text);
    Ok(json!({
        "accessToken": secrets.token(claims, TOKEN_SECONDS)?,
        "tokenType": "Bearer",
        "expiresIn": TOKEN_SECONDS,
        "refreshToken": format!("{text}.{seal}"),
    }))
}

fn parse(secrets: &Secrets, refresh: &str) -> Option<(ObjectId, i64)> {
    let (text, seal) = refresh.rsplit_once('.')?;
    let (id, generation) = text.split_once('.')?;
    if !secrets.is_sealed("refresh", text, seal) {
        return None;
    }
    Some((ObjectId::parse_str(id).ok()?, generation.parse().ok()?))
}

fn after(date: DateTime, milliseconds: i64) -> DateTime {
    DateTime::from_millis(date.timestamp_millis() + milliseconds)
}
