//! A plain HTTP client for tests; every status is an answer, never an error.

use serde_json::Value;
use std::time::Duration;
use ureq::Agent;
use ureq::http::{HeaderMap, Request};

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text; what is none in it is replaced.
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error} in {} {:?}", self.status, self.text))
    }

    /// A header's value, empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

/// A client of one host.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    base: String,
    headers: Vec<(String, String)>,
}

impl Client {
    /// A client of the host at `base`, like `http://127.0.0.1:3000`.
    pub fn new(base: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .allow_non_standard_methods(true)
            .build();
        Self {
            agent: config.into(),
            base: base.to_owned(),
            headers: Vec::new(),
        }
    }

    /// The same client with one more header in every request.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.retain(|(known, _)| known != name);
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    /// The same client, signed in with an access token.
    pub fn bearer(&self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    /// The same client, signed in by address and password.
    pub fn signed_in(&self, email: &str, password: &str) -> Self {
        let login = serde_json::json!({"email": email, "password": password});
        let answer = self.post("/api/auth/login", &login);
        assert_eq!(answer.status, 200, "{}", answer.text);
        self.bearer(answer.json()["accessToken"].as_str().unwrap())
    }

    /// The access token that it is signed in with.
    pub fn token(&self) -> String {
        let mut headers = self.headers.iter();
        let found = headers.find_map(|(_, value)| value.strip_prefix("Bearer "));
        found.unwrap_or_default().to_owned()
    }

    /// The same client as the sample's account of a role: admin, recruiter or referrer.
    pub fn demo(&self, role: &str) -> Self {
        self.signed_in(&format!("{role}@demo.example"), "demo-password")
    }

    /// A request that may not be answered at all.
    pub fn attempt(
        &self,
        method: &str,
        path: &str,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let mut response = self.agent.run(request.body(body)?)?;
        let body = response.body_mut().read_to_vec()?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: String::from_utf8_lossy(&body).into_owned(),
        })
    }

    fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let text = body.map(Value::to_string).unwrap_or_default();
        let content_type = body.map(|_| "application/json");
        self.attempt(method, path, content_type, text.as_bytes())
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// GET.
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    /// Any method without a body.
    pub fn call(&self, method: &str, path: &str) -> Answer {
        self.send(method, path, None)
    }

    /// POST of JSON.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(body))
    }

    /// PATCH of JSON.
    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send("PATCH", path, Some(body))
    }
}
