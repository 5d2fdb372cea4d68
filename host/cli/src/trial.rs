//! A host without sockets: one request after the other, each followed call by call, for tests and recordings; never serves.

use anyhow::{Context, anyhow};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use http_body_util::{BodyExt, Full};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use trm_document_stores::Origin;
use trm_policy::manifest::Function;
use trm_runtime::capabilities::witness::Script;
use trm_runtime::capabilities::witness::Seen;
use trm_runtime::capabilities::witness::Witness;
use trm_runtime::frozen::Frozen;
use trm_server::config::Config;
use trm_server::host::Host;
use trm_stores::Stores;

/// A request as it is written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// In capitals.
    pub method: String,
    /// With the query.
    pub path: String,
    /// Names and values, in order.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// What was sent.
    #[serde(default)]
    pub body: Written,
}

/// An answer as it is written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heard {
    /// 100 to 599.
    pub status: u16,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// All of it.
    pub body: Written,
}

/// A body: text where it is text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Written {
    /// UTF-8.
    Text(String),
    /// Anything.
    Base64 {
        /// RFC 4648, section 4.
        base64: String,
    },
}

impl Default for Written {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl From<&[u8]> for Written {
    fn from(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Base64 {
                base64: BASE64_STANDARD.encode(bytes),
            },
        }
    }
}

impl Written {
    fn bytes(&self) -> anyhow::Result<Bytes> {
        Ok(match self {
            Self::Text(text) => Bytes::copy_from_slice(text.as_bytes()),
            Self::Base64 { base64 } => BASE64_STANDARD
                .decode(base64)
                .context("the body is no Base64")?
                .into(),
        })
    }
}

/// The host of a test.
pub struct Trial(Host);

impl Trial {
    /// Opens the stores and finds the functions; code is mapped by the request that needs it.
    pub async fn open(
        config: &Config,
        functions: &[Function],
        frozen: Option<Frozen>,
    ) -> anyhow::Result<Self> {
        let stores = Arc::new(Stores::open(config.stores()).await?);
        Host::over(stores, config, functions, frozen).map(Self)
    }

    /// Where its functions keep documents.
    pub fn origin(&self) -> &Origin {
        &self.0.stores.origin
    }

    /// The name of the function that a path leads to.
    pub fn function(&self, path: &str) -> Option<String> {
        let path = path.split('?').next().unwrap_or(path);
        let found = self.0.service.router().find(path)?;
        Some(found.route.pool.function().to_string())
    }

    /// Has one request answered, as a client's would be, while the script answers some of its calls.
    pub async fn ask(&self, asked: &Asked, script: Script) -> anyhow::Result<(Heard, Seen)> {
        let mut request = http::Request::builder()
            .method(asked.method.as_str())
            .uri(&asked.path)
            .body(Full::new(asked.body.bytes()?))
            .with_context(|| format!("{} {} is no request", asked.method, asked.path))?;
        *request.headers_mut() = headers(&asked.headers)?;
        let host = HeaderValue::from_static("localhost");
        request.headers_mut().entry(header::HOST).or_insert(host);
        let witness = Arc::new(Witness::new(script));
        request.extensions_mut().insert(witness.clone());
        let client = "127.0.0.1:0".into();
        let (head, body) = self.0.service.answer(request, client).await.into_parts();
        let body = body.collect().await;
        let body = body.map_err(|error| anyhow!("the answer breaks off: {error}"))?;
        let headers = head.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        let heard = Heard {
            status: head.status.as_u16(),
            headers: headers.collect(),
            body: body.to_bytes().as_ref().into(),
        };
        Ok((heard, witness.seen()))
    }
}

fn headers(lines: &[(String, String)]) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let read = HeaderName::try_from(name).ok();
        let (Some(read), Ok(value)) = (read, HeaderValue::try_from(value)) else {
            anyhow::bail!("\"{name}: {value}\" is no header");
        };
        headers.append(read, value);
    }
    Ok(headers)
}
