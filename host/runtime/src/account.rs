//! What one function takes of the host's memory, by kind, each with its bound and its series; frees nothing itself.

use bytes::Bytes;
use prometheus_client::metrics::gauge::Gauge;
use trm_telemetry::metrics::FunctionLabels;
use trm_telemetry::metrics::Metrics;
use wasmtime::component::ResourceTable;

/// The most resources (handles) that one instance may hold at one time.
const MAX_HANDLES: usize = 10_000;
/// The most elements of all tables of one instance together.
const MAX_ELEMENTS: usize = 100_000;

/// What all instances of one function take together.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Bytes of linear memories.
    memory: Gauge,
    /// Elements of tables.
    elements: Gauge,
    /// Resources that were handed out and not dropped, as of the last request of each instance.
    handles: Gauge,
    /// Bytes of request and response bodies that the host holds whole.
    bodies: Gauge,
}

impl Taken {
    /// The series of a function, which may have been counted before it was swapped.
    pub fn of(metrics: &Metrics, labels: &FunctionLabels) -> Self {
        Self {
            memory: metrics.memory.get_or_create_owned(labels),
            elements: metrics.elements.get_or_create_owned(labels),
            handles: metrics.handles.get_or_create_owned(labels),
            bodies: metrics.bodies.get_or_create_owned(labels),
        }
    }

    /// So many bytes of a body are held from here on, until what is returned is dropped.
    pub fn hold(&self, bytes: usize) -> Held {
        Held::new(&self.bodies, bytes)
    }

    /// An answer, held until its last part is dropped.
    pub fn keep(&self, bytes: Vec<u8>) -> Bytes {
        let _held = self.hold(bytes.len());
        Bytes::from_owner(Answer { bytes, _held })
    }
}

struct Answer {
    bytes: Vec<u8>,
    _held: Held,
}

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// So many of something, until dropped.
#[derive(Debug)]
pub struct Held {
    series: Gauge,
    count: i64,
}

impl Held {
    fn new(series: &Gauge, count: usize) -> Self {
        let mut held = Self {
            series: series.clone(),
            count: 0,
        };
        held.becomes(count);
        held
    }

    fn becomes(&mut self, count: usize) {
        let count = count as i64;
        if count != self.count {
            self.series.inc_by(count - self.count);
            self.count = count;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.becomes(0);
    }
}

/// What one instance takes.
pub struct Account {
    memory: Held,
    elements: Held,
    handles: Held,
    most_memory: usize,
}

impl Account {
    /// Of a new instance, whose linear memories may have so many bytes together.
    pub fn new(taken: &Taken, most_memory: usize) -> Self {
        Self {
            memory: Held::new(&taken.memory, 0),
            elements: Held::new(&taken.elements, 0),
            handles: Held::new(&taken.handles, 0),
            most_memory,
        }
    }

    /// A table of resources within its bound.
    pub fn table() -> ResourceTable {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_HANDLES);
        table
    }

    /// Whether a memory may grow by so many bytes, which then count.
    pub fn grow_memory(&mut self, by: usize) -> bool {
        grow(&mut self.memory, by, self.most_memory)
    }

    /// Whether a table may grow by so many elements, which then count.
    pub fn grow_table(&mut self, by: usize) -> bool {
        grow(&mut self.elements, by, MAX_ELEMENTS)
    }

    /// Counts the resources that are left.
    pub fn count_handles(&mut self, table: &mut ResourceTable) {
        self.handles.becomes(table.iter_mut().count());
    }
}

fn grow(held: &mut Held, by: usize, most: usize) -> bool {
    let wanted = (held.count as usize).saturating_add(by);
    let granted = wanted <= most;
    if granted {
        held.becomes(wanted);
    }
    granted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_counts_up_to_its_bound_and_no_longer_than_it_is_held() {
        let metrics = Metrics::default();
        let labels = FunctionLabels {
            function: "jobs".into(),
        };
        let taken = Taken::of(&metrics, &labels);
        let mut account = Account::new(&taken, 100);
        assert!(account.grow_memory(60) && account.grow_memory(40));
        assert!(!account.grow_memory(1) && !account.grow_memory(usize::MAX));
        assert!(account.grow_table(MAX_ELEMENTS) && !account.grow_table(1));
        let mut table = Account::table();
        let first = table.push("a").unwrap();
        table.push("b").unwrap();
        account.count_handles(&mut table);
        let asked = taken.hold(3);
        let body = taken.keep(b"{\"a\":1}".to_vec());
        let counted = || {
            [
                &taken.memory,
                &taken.elements,
                &taken.handles,
                &taken.bodies,
            ]
            .map(Gauge::get)
        };
        assert_eq!(counted(), [100, MAX_ELEMENTS as i64, 2, 10]);
        table.delete(first).unwrap();
        account.count_handles(&mut table);
        drop(asked);
        let part = body.slice(1..2);
        drop(body);
        assert_eq!(taken.bodies.get(), 7);
        drop(part);
        assert_eq!(counted(), [100, MAX_ELEMENTS as i64, 1, 0]);
        drop(account);
        assert_eq!(counted(), [0; 4]);
    }
}
