//! Says which method it was sent, over WASI HTTP 0.2.

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

struct Echo;

wasip2::http::proxy::export!(Echo);

impl Guest for Echo {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let said = format!(
            "{:?} {}",
            request.method(),
            request.path_with_query().unwrap_or_default()
        );
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().expect("a fresh response has its body");
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().expect("a fresh body has its stream");
        stream
            .blocking_write_and_flush(said.as_bytes())
            .expect("the host takes a short text");
        drop(stream);
        OutgoingBody::finish(body, None).expect("nothing else was promised");
    }
}
