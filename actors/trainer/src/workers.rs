use crate::TrainError;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// `work(0)`, `work(1)`, … on up to `threads` threads, results in that order; of several errors, that
/// of the first.
pub(crate) fn side_by_side<T: Send>(
    threads: usize,
    count: usize,
    work: impl Fn(usize) -> Result<T, TrainError> + Sync,
) -> Result<Vec<T>, TrainError> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<Result<T, TrainError>>>> =
        Mutex::new((0..count).map(|_| None).collect());
    let worker = || {
        loop {
            let at = next.fetch_add(1, Relaxed);
            if at >= count {
                return;
            }
            let result = work(at);
            if result.is_err() {
                // Nobody begins another one.
                next.store(count, Relaxed);
            }
            results.lock().unwrap_or_else(PoisonError::into_inner)[at] = Some(result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(count) {
            scope.spawn(worker);
        }
        worker();
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.into_iter().flatten().collect()
}
