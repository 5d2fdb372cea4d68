//! `trm:platform/message`: a request as bytes, a response from bytes; calls nothing.

use super::Incoming;
use super::add;
use super::check_section;
use super::section;
use super::section_length;
use super::status;
use crate::account::Taken;
use crate::error::whole;
use http::{Method, Response};
use memchr::memchr;
use wasmtime_wasi_http::WasiBody;

/// The first line beside its target, and the client's line.
const ROOM: usize = 96;

/// The bytes of a request.
pub fn write(incoming: &Incoming) -> Vec<u8> {
    let (head, body) = (&incoming.head, &incoming.body);
    let target = head
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let named = incoming.parameters.iter();
    let named = named.map(|(name, value)| name.len() + value.len() + b":segment-: \r\n".len());
    let room = ROOM + target.len() + named.sum::<usize>() + section_length(&head.headers);
    let mut message = Vec::with_capacity(room + body.len());
    let mut put = |parts: &[&str]| {
        for part in parts {
            message.extend_from_slice(part.as_bytes());
        }
    };
    let length = match body.len() {
        // Of most requests.
        0 => "0",
        length => &length.to_string(),
    };
    put(&[head.method.as_str(), " ", target, " ", length, "\r\n"]);
    put(&[":client: ", &incoming.client, "\r\n"]);
    for (name, value) in &incoming.parameters {
        put(&[":segment-", name, ": ", value, "\r\n"]);
    }
    section(&mut message, &head.headers);
    message.extend_from_slice(body);
    message
}

/// The response of an answer, or what the function did wrong.
pub fn read(
    message: Vec<u8>,
    method: &Method,
    taken: &Taken,
) -> Result<Response<WasiBody>, String> {
    let message = taken.keep(message);
    let (first, mut at) = line(&message, 0).ok_or("its answer has no first line")?;
    let (code, length) = first_line(first)
        .ok_or_else(|| format!("its answer begins with \"{}\"", first.escape_ascii()))?;
    let end = message.len().checked_sub(length).filter(|end| *end >= at);
    let end = end.ok_or("its answer is shorter than it says")?;
    check_section(end - at)?;
    let mut response = whole(status(code)?, message.slice(end..));
    let headers = response.headers_mut();
    while at < end {
        let (field, next) =
            line(&message[..end], at).ok_or("its answer has a line without an end")?;
        let colon = memchr(b':', field).ok_or("its answer has a header without a colon")?;
        let value = message.slice_ref(field[colon + 1..].trim_ascii());
        add(headers, &field[..colon], value, method)?;
        at = next;
    }
    Ok(response)
}

/// The line that begins there, without its end, and where the next one begins.
fn line(message: &[u8], from: usize) -> Option<(&[u8], usize)> {
    let rest = &message[from..];
    let end = memchr(b'\n', rest)?;
    Some((rest[..end].strip_suffix(b"\r")?, from + end + 1))
}

/// Status and length of the body.
fn first_line(line: &[u8]) -> Option<(u16, usize)> {
    let (code, length) = str::from_utf8(line).ok()?.split_once(' ')?;
    Some((code.parse().ok()?, length.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::Request;
    use http_body_util::BodyExt;
    use trm_telemetry::metrics::{FunctionLabels, Metrics};

    fn answered(message: &[u8]) -> Result<Response<WasiBody>, String> {
        let function = "any".into();
        let taken = Taken::of(&Metrics::default(), &FunctionLabels { function });
        read(message.to_vec(), &Method::GET, &taken)
    }

    #[test]
    fn a_request_is_written_line_by_line() {
        let request = Request::post("/api/jobs/a%20b?x=1").header("accept", "c");
        let (head, ()) = request.body(()).unwrap().into_parts();
        let incoming = Incoming {
            head,
            body: Bytes::from_static(b"{}"),
            client: "127.0.0.1:9".into(),
            route: "/api/jobs/:id".into(),
            parameters: vec![("id".to_owned(), "a%20b".to_owned())],
            rest: String::new(),
        };
        let expected = "POST /api/jobs/a%20b?x=1 2\r\n:client: 127.0.0.1:9\r\n:segment-id: a%20b\r\naccept: c\r\n{}";
        let written = write(&incoming);
        assert_eq!(str::from_utf8(&written).unwrap(), expected);
        assert!(written.len() <= written.capacity());
    }

    #[tokio::test]
    async fn an_answer_is_read_line_by_line() {
        let answer =
            answered(b"201 5\r\na: b\r\na:c \r\nempty: \r\nnone:\r\nx: : \r\n\r\nq\r\n").unwrap();
        assert_eq!(answer.status(), 201);
        let all: Vec<_> = answer.headers().get_all("a").iter().collect();
        assert_eq!(all, ["b", "c"]);
        assert!(answer.headers()["empty"].is_empty() && answer.headers()["none"].is_empty());
        assert_eq!(answer.headers()["x"], ":");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "\r\nq\r\n");
        assert!(answered(b"204 0\r\n").is_ok());
        let many = [&b"200 0\r\n"[..], &b"a:\r\n".repeat(40_000)].concat();
        assert!(answered(&many).unwrap_err().contains("header section"));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for message in [
            &b""[..],
            b"200",
            b"200 0",
            b"200\r\n",
            b"200 x\r\n",
            b"200 1\r\n",
            b"200 -1\r\n",
            b"200 99999999999999999999\r\n",
            b"\xff 0\r\n",
            b"100 0\r\n",
            b"600 0\r\n",
            b"200 0\r\na\r\n",
            b"200 0\r\na: b",
            b"200 2\r\na: b\r\n",
            b"200 0\r\n: b\r\n",
            b"200 0\r\na: b\rc\r\n",
            b"200 0\r\na: b\n\r\n",
        ] {
            assert!(answered(message).is_err(), "{}", message.escape_ascii());
        }
    }
}
