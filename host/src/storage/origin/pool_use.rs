//! The driver's pool of connections as gauges; opens none.

use crate::telemetry::upstream;
use mongodb::event::EventHandler;
use mongodb::event::cmap::CmapEvent;

/// Counts connections as the driver tells of them.
pub fn follow(limit: u32) -> EventHandler<CmapEvent> {
    upstream::pool("mongodb", "limit").set(i64::from(limit));
    let open = upstream::pool("mongodb", "open");
    let in_use = upstream::pool("mongodb", "in_use");
    EventHandler::callback(move |event| match event {
        CmapEvent::ConnectionCreated(_) => drop(open.inc()),
        CmapEvent::ConnectionClosed(_) => drop(open.dec()),
        CmapEvent::ConnectionCheckedOut(_) => drop(in_use.inc()),
        CmapEvent::ConnectionCheckedIn(_) => drop(in_use.dec()),
        _ => {}
    })
}
