//! A batch of spans in OTLP's JSON form, as the protocol fixes it; sends nothing.

use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry::{KeyValue, Value as Attribute};
use opentelemetry_sdk::trace::SpanData;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// One ExportTraceServiceRequest.
pub fn request(batch: &[SpanData]) -> String {
    let resource = [
        KeyValue::new("service.name", "trm"),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
    ];
    let spans: Vec<Value> = batch.iter().map(span).collect();
    json!({"resourceSpans": [{
        "resource": {"attributes": attributes(&resource)},
        "scopeSpans": [{"scope": {"name": "trm"}, "spans": spans}],
    }]})
    .to_string()
}

fn span(span: &SpanData) -> Value {
    let context = &span.span_context;
    let mut told = json!({
        "traceId": context.trace_id().to_string(),
        "spanId": context.span_id().to_string(),
        "flags": context.trace_flags().to_u8(),
        "name": span.name,
        "kind": kind(&span.span_kind),
        // 64-bit numbers are texts in Protobuf's JSON.
        "startTimeUnixNano": nanos(span.start_time),
        "endTimeUnixNano": nanos(span.end_time),
        "attributes": attributes(&span.attributes),
        "status": match &span.status {
            Status::Unset => json!({}),
            Status::Ok => json!({"code": 1}),
            Status::Error { description } => json!({"code": 2, "message": description}),
        },
    });
    if span.parent_span_id != SpanId::INVALID {
        told["parentSpanId"] = span.parent_span_id.to_string().into();
    }
    told
}

fn kind(kind: &SpanKind) -> u8 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

fn nanos(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_nanos().to_string()
}

fn attributes(of: &[KeyValue]) -> Vec<Value> {
    of.iter()
        .map(|pair| {
            let value = match &pair.value {
                Attribute::Bool(value) => json!({"boolValue": value}),
                Attribute::I64(value) => json!({"intValue": value.to_string()}),
                Attribute::F64(value) => json!({"doubleValue": value}),
                other => json!({"stringValue": other.as_str()}),
            };
            json!({"key": pair.key.as_str(), "value": value})
        })
        .collect()
}
