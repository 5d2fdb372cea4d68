//! `trm:platform/message`: a request read from its bytes, an answer written as its bytes; decides no answer.

use crate::headers::Headers;
use crate::problem::Problem;
use crate::request::Request;
use crate::response::Response;
use bytes::{Buf, Bytes};
use http::Method;

const LINE: &[u8] = b"\r\n";

/// The request that a host sent.
pub(crate) fn read(message: Vec<u8>) -> Result<Request, Problem> {
    parse(message).ok_or_else(|| Problem::bad_request("the host's message is not a request"))
}

fn parse(message: Vec<u8>) -> Option<Request> {
    let mut cursor = Cursor(&message, 0);
    let method = Method::from_bytes(cursor.until(b' ')?).ok()?;
    let target = cursor.until(b' ')?;
    let length = cursor.line()?;
    let length: usize = str::from_utf8(length).ok()?.parse().ok()?;
    let end = message.len().checked_sub(length)?;
    let (path, query) = match target.iter().position(|byte| *byte == b'?') {
        Some(at) => (&target[..at], &target[at + 1..]),
        None => (target, &b""[..]),
    };
    let (path, query) = (text(path)?, text(query)?);
    let (mut client, mut parameters) = (String::new(), Vec::new());
    while cursor.next() == Some(b':') {
        cursor.1 += 1;
        let name = cursor.until(b':')?;
        let value = cursor.line()?.strip_prefix(b" ")?;
        match name.strip_prefix(b"segment-") {
            Some(name) => parameters.push((text(name)?, text(value)?)),
            None if name == b"client" => client = text(value)?,
            // What a newer host says besides.
            None => {}
        }
    }
    let section_at = cursor.1;
    if section_at > end {
        return None;
    }
    let mut section = Bytes::from(message);
    let body = match length {
        // Most requests have none.
        0 => Bytes::new(),
        _ => section.split_off(end),
    };
    section.advance(section_at);
    Some(Request {
        method,
        path,
        query,
        parameters,
        client,
        headers: Headers::section(section),
        body,
    })
}

/// A message, and how far it is read. It is read byte by byte: what is looked for is near, and a search costs more to begin.
struct Cursor<'m>(&'m [u8], usize);

impl<'m> Cursor<'m> {
    fn next(&self) -> Option<u8> {
        self.0.get(self.1).copied()
    }

    /// What comes before this byte, which is read as well.
    fn until(&mut self, stop: u8) -> Option<&'m [u8]> {
        let rest = self.0.get(self.1..)?;
        let length = rest.iter().position(|byte| *byte == stop)?;
        self.1 += length + 1;
        Some(&rest[..length])
    }

    /// The rest of the line, whose end is read as well.
    fn line(&mut self) -> Option<&'m [u8]> {
        let line = self.until(b'\r')?;
        let end = self.next()?;
        self.1 += 1;
        (end == b'\n').then_some(line)
    }
}

fn text(bytes: &[u8]) -> Option<String> {
    str::from_utf8(bytes).map(str::to_owned).ok()
}

/// The bytes of an answer.
pub(crate) fn write(answer: Response) -> Vec<u8> {
    let (head, body) = answer.into_parts();
    let fields = head.headers.iter();
    let size = fields.map(|(name, value)| name.as_str().len() + value.len() + 4);
    // The first line has a status and at most twenty digits.
    let mut message = Vec::with_capacity(26 + size.sum::<usize>() + body.len());
    message.extend_from_slice(head.status.as_str().as_bytes());
    message.push(b' ');
    digits(&mut message, body.len());
    message.extend_from_slice(LINE);
    for (name, value) in &head.headers {
        message.extend_from_slice(name.as_str().as_bytes());
        message.extend_from_slice(b": ");
        message.extend_from_slice(value.as_bytes());
        message.extend_from_slice(LINE);
    }
    message.extend_from_slice(&body);
    message
}

/// A number in decimal. Formatting costs ten times as much.
fn digits(message: &mut Vec<u8>, number: usize) {
    if number > 9 {
        digits(message, number / 10);
    }
    message.push(b'0' + (number % 10) as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    fn read(message: &[u8]) -> Option<Request> {
        parse(message.to_vec())
    }

    #[test]
    fn a_request_is_what_its_message_says() {
        let message = b"POST /api/a%20b/1?x=%3F&y 4\r\n:client: 127.0.0.1:9\r\n:segment-id: 1\r\n:new: z\r\naccept: a\r\nx: \xff\r\n:b: ";
        let request = read(message).unwrap();
        assert_eq!(request.method, Method::POST);
        assert_eq!(
            (request.path.as_str(), request.query.as_str()),
            ("/api/a%20b/1", "x=%3F&y")
        );
        assert_eq!(request.client, "127.0.0.1:9");
        assert_eq!(request.parameters, [("id".to_owned(), "1".to_owned())]);
        assert_eq!(request.headers()["accept"], "a");
        assert_eq!(request.headers().len(), 2);
        assert_eq!(request.body, ":b: ");
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for message in [
            &b""[..],
            b"GET /",
            b"GET / 0",
            b"GET / x\r\n",
            b"GET / 9\r\n",
            b"G(T / 0\r\n",
            b"GET / 1\r\n:client: a\r\n",
            b"GET / 0\r\n:client\r\n",
            b"GET /\xff 0\r\n",
        ] {
            assert!(read(message).is_none(), "{}", message.escape_ascii());
        }
        assert!(read(b"GET / 0\r\n").is_some());
    }

    #[test]
    fn an_answer_is_written_with_its_length() {
        let mut answer = Response::new(Bytes::from_static(b"{}\r\n"));
        *answer.status_mut() = StatusCode::CREATED;
        answer.headers_mut().append("a", "b".parse().unwrap());
        answer.headers_mut().append("a", "c".parse().unwrap());
        assert_eq!(write(answer), b"201 4\r\na: b\r\na: c\r\n{}\r\n");
        assert_eq!(
            write(Response::new(Bytes::from(vec![b'x'; 1234])))[..9],
            *b"200 1234\r"
        );
    }
}
