//! What a load says of a server that answers well, not as it should, in part, or not at all.

use super::{Load, now};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;
use tokio::runtime::Runtime;

const SLOW: Duration = Duration::from_millis(50);

/// A server on a free port; the path of a request says how it is answered.
fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes away ends its thread.
            std::thread::spawn(move || drop(serve(stream)));
        }
    });
    port
}

fn serve(stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let mut line = String::new();
        while reader.read_line(&mut line)? > 2 {
            line.clear();
        }
        let path = first.split(' ').nth(1).unwrap_or_default();
        let answer = match path {
            "/closed" => return Ok(()),
            "/half" => "200 OK\r\ncontent-length: 10\r\n\r\nhal",
            "/missing" => "404 Not Found\r\ncontent-length: 0\r\n\r\n",
            "/created" => "201 Created\r\ncontent-length: 13\r\n\r\n{\"id\": \"one\"}",
            _ => "200 OK\r\netag: two\r\ncontent-length: 2\r\n\r\nok",
        };
        if path == "/slow" {
            std::thread::sleep(SLOW);
        }
        write!(&stream, "HTTP/1.1 {answer}")?;
        if path == "/half" {
            return Ok(());
        }
    }
}

/// What two clients see that ask for this a few times.
fn seen(port: u16, asked: Value) -> Value {
    let runtime = Runtime::new().unwrap();
    let plan =
        json!({"places": [["127.0.0.1", port]], "requests": [asked], "clients": 2, "rate": 50.0});
    let plan = serde_json::from_value(plan).unwrap();
    let mut load = Load::begin(plan, runtime.handle().clone()).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    load.end().unwrap();
    let seen = load.collect().unwrap();
    assert!(seen["seen"].as_array().unwrap().len() > 3, "{seen}");
    assert_eq!(load.collect().unwrap()["seen"], json!([]));
    seen
}

#[test]
fn each_kind_of_answer_and_of_fault_has_its_name() {
    let port = server();
    let refused = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = refused.local_addr().unwrap().port();
    drop(refused);
    for (port, path, status, kind) in [
        (port, "/", 200, "ok"),
        (port, "/missing", 404, "404"),
        (port, "/closed", 0, "closed"),
        (port, "/half", 0, "incomplete"),
        (nobody, "/", 0, "refused"),
    ] {
        for one in seen(port, json!({"path": path}))["seen"]
            .as_array()
            .unwrap()
        {
            let expected = [
                json!(port),
                json!("GET"),
                json!(path),
                json!(status),
                json!(kind),
            ];
            assert_eq!(one.as_array().unwrap()[2..], expected, "{path}");
        }
    }
}

#[test]
fn the_time_of_a_request_is_the_clients_on_the_shared_clock() {
    let before = now();
    let seen = seen(server(), json!({"path": "/slow"}));
    for one in seen["seen"].as_array().unwrap() {
        let (begun, took) = (one[0].as_f64().unwrap(), one[1].as_f64().unwrap());
        assert!(before < begun && begun + took < now(), "{one}");
        assert!((SLOW.as_secs_f64()..1.0).contains(&took), "{one}");
    }
}

#[test]
fn what_is_acknowledged_and_heard_is_kept() {
    let port = server();
    let created = seen(
        port,
        json!({"path": "/created", "method": "POST", "body": {}}),
    );
    assert_eq!(created["acknowledged"][0], "one");
    let etag = seen(port, json!({"path": "/", "hear": {"header": "etag"}}));
    assert_eq!(etag["heard"][0][3], "two");
    let body = seen(port, json!({"path": "/", "hear": "body"}));
    assert_eq!(body["heard"][0][3], "ok");
}
