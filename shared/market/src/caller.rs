//! Who asks, and whether the table lets them; decides nothing that the table does not say.

use crate::collections::KEYS;
use crate::keys;
use crate::session;
use trm_domain::access::{Action, Reach, Role};
use trm_sdk::bson::Document;
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::cache::{self, Options};
use trm_sdk::documents::{bytes, read};
use trm_sdk::{Problem, Request, doc, http, time};

const API_KEY: http::HeaderName = http::HeaderName::from_static("x-api-key");

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    role: Role,
    user: Option<ObjectId>,
    company: Option<ObjectId>,
    session: Option<ObjectId>,
    scopes: Vec<String>,
}

impl Caller {
    /// The caller of a request, by `Authorization: Bearer …` or `X-API-Key`. What is given must be good.
    pub async fn of(request: &Request) -> Result<Self, Problem> {
        if let Some(given) = request.headers().get(http::header::AUTHORIZATION) {
            let given = given.to_str().unwrap_or_default();
            return match given.split_once(' ') {
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                    Self::by_token(token.trim()).await
                }
                _ => Err(Problem::unauthorized(
                    "Authorization must be a Bearer token",
                )),
            };
        }
        if let Some(key) = request.headers().get(API_KEY) {
            return Self::by_key(key.to_str().unwrap_or_default()).await;
        }
        Ok(Self::nobody())
    }

    fn nobody() -> Self {
        Self {
            role: Role::Anyone,
            user: None,
            company: None,
            session: None,
            scopes: Vec::new(),
        }
    }

    async fn by_token(token: &str) -> Result<Self, Problem> {
        let session = session::of_token(token).await?;
        Ok(Self {
            role: Role::of_user(&session.role),
            user: Some(session.user),
            company: session.company,
            session: Some(session.id),
            scopes: Vec::new(),
        })
    }

    async fn by_key(key: &str) -> Result<Self, Problem> {
        let refused = || Problem::unauthorized("the X-API-Key is not valid");
        if let Some((until, seal)) = keys::parse_operator(key) {
            let secrets = keys::partners().await?;
            let lives = until > time::now().timestamp_millis() / 1_000;
            if !lives || !secrets.is_sealed("operator", &until.to_string(), seal) {
                return Err(refused());
            }
            return Ok(Self {
                role: Role::Admin,
                ..Self::nobody()
            });
        }
        let (id, secret) = keys::parse(key).ok_or_else(refused)?;
        let entry = keys::entry(id);
        let options = Options::tagged([entry.as_str()]);
        let body = cache::get_or_set(&entry, options, async || {
            let key: Option<Document> = KEYS.find_one(doc! {"_id": id}, None).await?;
            Ok::<_, Problem>(bytes(&key.ok_or_else(refused)?)?)
        })
        .await?;
        let key: Document = read(&body)?;
        let text = keys::shown(id, secret);
        if !keys::partners().await?.is_sealed(
            "api key",
            &text,
            key.get_str("seal").unwrap_or_default(),
        ) {
            return Err(refused());
        }
        Ok(Self {
            role: Role::Partner,
            user: None,
            company: key.get_object_id("companyId").ok(),
            session: None,
            scopes: texts(&key, "scopes"),
        })
    }

    /// How far the caller may go, if at all: 401 for who is not signed in, 403 for who is.
    pub fn may(&self, action: Action) -> Result<Reach, Problem> {
        let reach = action.reach(self.role);
        match (reach, self.role) {
            (Reach::No, Role::Anyone) => Err(Problem::unauthorized(
                "sign in first: Authorization: Bearer <token>, or X-API-Key",
            )),
            (Reach::No, role) => {
                let detail = format!("a {} may not do this", role.as_str());
                Err(Problem::forbidden(detail))
            }
            (_, Role::Partner) if !self.scopes.iter().any(|scope| scope == action.scope()) => {
                let detail = format!("the key lacks the scope {}", action.scope());
                Err(Problem::forbidden(detail))
            }
            _ => Ok(reach),
        }
    }

    /// Lets the caller do it to what belongs to these users or this company.
    pub fn over(
        &self,
        action: Action,
        users: &[Option<ObjectId>],
        company: Option<ObjectId>,
    ) -> Result<(), Problem> {
        if self.may(action)? == Reach::All || self.owns(users, company) {
            return Ok(());
        }
        Err(Problem::forbidden("this belongs to someone else"))
    }

    /// Whether something of these users or this company is the caller's.
    pub fn owns(&self, users: &[Option<ObjectId>], company: Option<ObjectId>) -> bool {
        let same = |own: Option<ObjectId>, other| own.is_some() && own == other;
        users.iter().any(|user| same(self.user, *user)) || same(self.company, company)
    }

    /// The signed-in user; a partner's program is none.
    pub fn user(&self) -> Result<ObjectId, Problem> {
        self.user
            .ok_or_else(|| Problem::forbidden("only a signed-in user may do this"))
    }

    /// The user, if one is signed in.
    pub fn user_or_none(&self) -> Option<ObjectId> {
        self.user
    }

    /// The caller's company.
    pub fn company(&self) -> Option<ObjectId> {
        self.company
    }

    /// The session, if a user is signed in.
    pub fn session(&self) -> Option<ObjectId> {
        self.session
    }

    /// A name that no other caller has.
    pub fn name(&self) -> String {
        let id = self.user.or(self.company);
        let id = id.map(ObjectId::to_hex).unwrap_or_default();
        format!("{}:{id}", self.role.as_str())
    }
}

/// The texts of a list that a document holds.
fn texts(document: &Document, field: &str) -> Vec<String> {
    let list = document.get_array(field).into_iter().flatten();
    let texts = list.filter_map(|value| value.as_str().map(str::to_owned));
    texts.collect()
}
