//! `trm:platform/handler`: a request as a record, a response from one; calls nothing.

use super::Incoming;
use super::add;
use super::check_section;
use super::line_length;
use super::section;
use super::section_length;
use super::status;
use crate::account::Taken;
use crate::error::whole;
use bytes::Bytes;
use http::{Method, Response};
use wasmtime::component::{ComponentType, Lift, Lower};
use wasmtime_wasi_http::WasiBody;

/// `handler.request`.
#[derive(ComponentType, Lower)]
#[component(record)]
pub struct Call {
    method: String,
    path: String,
    query: String,
    parameters: Vec<(String, String)>,
    client: String,
    headers: Vec<u8>,
    body: Vec<u8>,
}

/// `handler.response`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl From<Incoming> for Call {
    fn from(incoming: Incoming) -> Self {
        let (uri, fields) = (&incoming.head.uri, &incoming.head.headers);
        let mut headers = Vec::with_capacity(section_length(fields));
        section(&mut headers, fields);
        Self {
            method: incoming.head.method.as_str().to_owned(),
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
            parameters: incoming.parameters,
            client: (*incoming.client).to_owned(),
            headers,
            body: incoming.body.into(),
        }
    }
}

impl Reply {
    /// The response, or what the function did wrong.
    pub fn into_response(
        self,
        method: &Method,
        taken: &Taken,
    ) -> Result<Response<WasiBody>, String> {
        let fields = self.headers.iter();
        check_section(fields.map(|(name, value)| line_length(name, value)).sum())?;
        let body = taken.keep(self.body);
        let mut response = whole(status(self.status)?, body);
        let headers = response.headers_mut();
        headers.reserve(self.headers.len());
        for (name, value) in self.headers {
            add(headers, name.as_bytes(), Bytes::from(value), method)?;
        }
        Ok(response)
    }
}
