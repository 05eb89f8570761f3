// SPDX-License-Identifier: MIT
//
// parking.rs - parking_lot's mutex: threads that take turns.
use crate::meter::{join, keep, report, share, work_steps, Spec, Team};
use parking_lot_crate::Mutex;
use std::sync::Arc;

pub fn run(s: &Spec) -> bool {
    if s.kind != "lock" || s.mode != "mutex" {
        return false;
    }
    let (threads, steps) = (s.us("t"), s.get("work"));
    let lock = Arc::new(Mutex::new(0u64));
    let team = Team::new(threads);
    let takers = (0..threads)
        .map(|i| {
            let (lock, n) = (lock.clone(), share(s.n(), threads as u64, i as u64));
            team.add(move || {
                let mut sink = i as u64 + 1; // of 0 the compiler knows what becomes
                for _ in 0..n {
                    let mut inside = lock.lock();
                    sink = work_steps(sink, steps);
                    *inside += 1;
                }
                keep(sink);
            })
        })
        .collect();
    let mut m = team.go();
    join(takers);
    m.stop();
    report(s, &m, (*lock.lock(), 0), (s.n(), 0));
    true
}
