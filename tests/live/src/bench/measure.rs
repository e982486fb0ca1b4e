//! How long something takes when every vCPU has a thread of its own.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use super::work::{Subject, Work};
use crate::counted::Counts;
use crate::failure::Failure;

/// What a work costs on all vCPUs.
#[derive(Debug, Clone)]
pub(super) struct Figure {
    pub(super) work: Work,
    /// Registers that it reads or writes.
    pub(super) registers: usize,
    /// Ioctls and allocations.
    pub(super) counts: Counts,
    /// The shortest time from the first thread's start to the last one's end.
    pub(super) time: Duration,
}

/// One thread's part of a work.
struct Part {
    start: Instant,
    end: Instant,
    counts: Counts,
}

/// Does every work in turn, `times` times over, on all vCPUs at once.
pub(super) fn measure(times: u32, subjects: &mut [Subject<'_>]) -> Result<Vec<Figure>, Failure> {
    let together = Barrier::new(subjects.len());
    let sizes = Work::ALL.map(|work| subjects.iter().map(|subject| subject.size(work)).sum());
    let parts: Vec<Vec<Part>> = thread::scope(|scope| {
        let together = &together;
        let start = |subject| scope.spawn(move || rounds(times, subject, together));
        let threads: Vec<_> = subjects.iter_mut().map(start).collect();
        let joined = threads.into_iter().map(|thread| {
            thread.join().map_err(|_| Failure::new("a thread of the benchmark has panicked"))?
        });
        joined.collect::<Result<_, _>>()
    })?;
    let figures = Work::ALL.into_iter().zip(sizes).enumerate();
    Ok(figures.map(|(nth, (work, registers))| figure(&parts, nth, work, registers)).collect())
}

/// Takes the `nth` work of every round together.
fn figure(parts: &[Vec<Part>], nth: usize, work: Work, registers: usize) -> Figure {
    let mut figure = Figure { work, registers, counts: Counts::default(), time: Duration::MAX };
    let rounds = parts.iter().map(|parts| parts.len() / Work::ALL.len()).min().unwrap_or(0);
    for round in 0..rounds {
        let at = round * Work::ALL.len() + nth;
        let of_round = || parts.iter().filter_map(|parts| parts.get(at));
        let start = of_round().map(|part| part.start).min();
        let end = of_round().map(|part| part.end).max();
        let time = start.zip(end).map_or(Duration::MAX, |(start, end)| end - start);
        figure.time = figure.time.min(time);
        // They are the same in every round.
        figure.counts = Counts::default();
        of_round().for_each(|part| figure.counts += part.counts);
    }
    figure
}

/// One thread: all works in turn, each begun together with the other threads, also after one has failed.
fn rounds(times: u32, subject: &mut Subject<'_>, together: &Barrier) -> Result<Vec<Part>, Failure> {
    let mut parts = Vec::with_capacity(times as usize * Work::ALL.len());
    let mut result = Ok(());
    for _ in 0..times {
        for work in Work::ALL {
            together.wait();
            let (before, start) = (Counts::so_far(), Instant::now());
            let done = subject.run(work);
            let (end, counts) = (Instant::now(), Counts::so_far() - before);
            result = result.and(done);
            parts.push(Part { start, end, counts });
        }
    }
    result.map(|()| parts)
}
