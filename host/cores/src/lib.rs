//! One thread with its own tokio runtime for each core of the machine. A task stays on the core where it starts.
//!
//! Threads that share tasks wake each other for work that one of them would soon have done alone, and each wake costs more
//! than a cached response. So only new tasks are spread.
//!
//! Invariant: a task is polled by the thread of one core from its start to its end.

use anyhow::Context;
use std::cell::Cell;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The place of whatever runs beside the cores.
pub const BESIDE: usize = 0;

/// Threads for work that blocks, in one runtime; beyond it such work waits.
const BLOCKING_THREADS: usize = 64;

thread_local! {
    static HERE: Cell<usize> = const { Cell::new(BESIDE) };
}

/// The place that asks: a core, from 1, or [`BESIDE`].
pub fn here() -> usize {
    HERE.get()
}

/// How many cores this process may use at one time.
pub fn available() -> io::Result<NonZeroUsize> {
    std::thread::available_parallelism()
}

/// The runtimes of this process. Where the last of them is dropped, they end with all of their tasks.
#[derive(Clone, Debug)]
pub struct Cores(Arc<Threads>);

#[derive(Debug)]
struct Threads {
    first: Core,
    others: Vec<Core>,
    /// Says nothing; the cores end when it is gone.
    _end: watch::Sender<()>,
}

#[derive(Debug)]
struct Core {
    handle: Handle,
    /// Each task that was given to it holds one until it has ended, or is dropped with its runtime.
    task: Arc<()>,
}

impl Cores {
    /// As many as this process may use at one time.
    pub fn start() -> anyhow::Result<Self> {
        Self::of(available().context("it is not known how many cores there are")?)
    }

    fn of(count: NonZeroUsize) -> anyhow::Result<Self> {
        let (end, ended) = watch::channel(());
        let others = (2..=count.get()).map(|place| Core::start(place, ended.clone()));
        Ok(Self(Arc::new(Threads {
            others: others.collect::<anyhow::Result<_>>()?,
            first: Core::start(1, ended)?,
            _end: end,
        })))
    }

    /// Runs on the core that has the fewest of these tasks.
    pub fn spawn<F>(&self, work: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send,
    {
        let mut emptiest = &self.0.first;
        for core in &self.0.others {
            if core.tasks() < emptiest.tasks() {
                emptiest = core;
            }
        }
        emptiest.spawn(work)
    }

    /// Runs on every core.
    pub fn each<F>(&self, work: impl Fn() -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        for core in self.all() {
            core.spawn(work());
        }
    }

    fn all(&self) -> impl Iterator<Item = &Core> {
        [&self.0.first].into_iter().chain(&self.0.others)
    }
}

impl Core {
    fn start(place: usize, mut ended: watch::Receiver<()>) -> anyhow::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS)
            // Whoever else is to run here has its turn before the thread goes to sleep. Often the next requests come of
            // it, and each of those has saved a sleep and a wake.
            .on_thread_park(std::thread::yield_now)
            .build()
            .context("a runtime cannot be started")?;
        let handle = runtime.handle().clone();
        std::thread::Builder::new()
            .name(format!("core-{place}"))
            .spawn(move || {
                HERE.set(place);
                drop(runtime.block_on(ended.changed()));
            })
            .context("a thread cannot be started")?;
        Ok(Self {
            handle,
            task: Arc::default(),
        })
    }

    fn tasks(&self) -> usize {
        Arc::strong_count(&self.task) - 1
    }

    fn spawn<F>(&self, work: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send,
    {
        let task = self.task.clone();
        self.handle.spawn(async move {
            let done = work.await;
            drop(task);
            done
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::Mutex;
    use std::time::Duration;
    use tokio::sync::oneshot::error::TryRecvError;
    use tokio::sync::{Semaphore, oneshot};
    use tokio::time::timeout;

    fn two() -> Cores {
        Cores::of(NonZeroUsize::new(2).unwrap()).unwrap()
    }

    /// Tasks that say where they run and go on until they are let go.
    struct Held {
        places: Mutex<BTreeMap<String, usize>>,
        began: Semaphore,
        end: Semaphore,
    }

    impl Default for Held {
        fn default() -> Self {
            Self {
                places: Mutex::default(),
                began: Semaphore::new(0),
                end: Semaphore::new(0),
            }
        }
    }

    impl Held {
        async fn begin(self: &Arc<Self>, cores: &Cores, count: u32) -> BTreeMap<String, usize> {
            for _ in 0..count {
                let held = self.clone();
                cores.spawn(async move {
                    let place = std::thread::current().name().unwrap().to_owned();
                    *held.places.lock().unwrap().entry(place).or_default() += 1;
                    held.began.add_permits(1);
                    drop(held.end.acquire().await);
                });
            }
            let began = self.began.acquire_many(count);
            let began = timeout(Duration::from_secs(10), began).await;
            began.expect("they begin").unwrap().forget();
            self.places.lock().unwrap().clone()
        }
    }

    #[tokio::test]
    async fn each_core_gets_as_many_as_another() {
        let (cores, held) = (two(), Arc::<Held>::default());
        let places = held.begin(&cores, 10).await;
        assert_eq!(places.into_values().collect::<Vec<_>>(), [5, 5]);
    }

    #[tokio::test]
    async fn a_core_whose_tasks_have_ended_gets_the_next_ones() {
        let cores = two();
        let (short, long) = (Arc::<Held>::default(), Arc::<Held>::default());
        // By turns, so that all of one kind are on one core.
        for _ in 0..3 {
            short.begin(&cores, 1).await;
            long.begin(&cores, 1).await;
        }
        assert_eq!(
            (
                short.places.lock().unwrap().len(),
                long.places.lock().unwrap().len()
            ),
            (1, 1)
        );
        short.end.close();
        let tasks = |cores: &Cores| -> usize { cores.all().map(Core::tasks).sum() };
        let ended = async {
            while tasks(&cores) > 3 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(10), ended)
            .await
            .expect("they end");
        let next = Arc::<Held>::default();
        assert_eq!(
            next.begin(&cores, 3).await.keys().collect::<Vec<_>>(),
            short.places.lock().unwrap().keys().collect::<Vec<_>>()
        );
    }

    #[tokio::test]
    async fn tasks_end_with_the_cores() {
        let (sender, mut ended) = oneshot::channel::<()>();
        let cores = two();
        let copy = cores.clone();
        cores.spawn(async move {
            std::future::pending::<()>().await;
            drop(sender);
        });
        drop(cores);
        let held = Arc::<Held>::default();
        held.begin(&copy, 1).await;
        assert!(
            ended
                .try_recv()
                .is_err_and(|error| error == TryRecvError::Empty),
            "a clone keeps them"
        );
        drop(copy);
        timeout(Duration::from_secs(10), ended)
            .await
            .expect("it ends")
            .unwrap_err();
    }
}
