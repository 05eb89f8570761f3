// SPDX-License-Identifier: MIT
//
// stealing.rs - crossbeam-deque in the cells of kind steals (steal.h).
use crate::meter::*;
use deque_crate::{Steal, Stealer, Worker};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

type Found = (u64, u64); // how many, and their sum

/// It is unbounded: the owner looks from time to time whether it is ahead of the thieves.
fn own(w: Worker<u64>, n: u64, cap: usize, thieves: bool, over: Arc<AtomicBool>) -> Found {
    let (mut count, mut sum) = (0, 0u64);
    for i in 1..=n {
        w.push(i);
        if i % 64 > 0 {
            continue;
        }
        if thieves {
            while w.len() >= cap {
                std::thread::yield_now();
            }
        } else {
            while let Some(v) = w.pop() {
                count += 1;
                sum = sum.wrapping_add(v);
            }
        }
    }
    while let Some(v) = w.pop() {
        count += 1;
        sum = sum.wrapping_add(v);
    }
    over.store(true, Ordering::SeqCst);
    (count, sum)
}

fn steal(s: Stealer<u64>, over: Arc<AtomicBool>) -> Found {
    let (mut count, mut sum) = (0, 0u64);
    loop {
        let last = over.load(Ordering::SeqCst);
        while let Steal::Success(v) = s.steal() {
            count += 1;
            sum = sum.wrapping_add(v);
        }
        if last {
            return (count, sum);
        }
    }
}

pub fn run(s: &Spec) -> bool {
    if s.kind != "steals" {
        return false;
    }
    let thieves = if s.get("p") > 1 { s.us("t") } else { 0 };
    let w = Worker::new_lifo();
    let over = Arc::new(AtomicBool::new(false));
    let team = Team::new(thieves + 1);
    let mut threads = vec![];
    for _ in 0..thieves {
        let (stealer, over) = (w.stealer(), over.clone());
        threads.push(team.add(move || steal(stealer, over)));
    }
    let (n, cap) = (s.n(), s.cap());
    threads.push(team.add(move || own(w, n, cap, thieves > 0, over)));
    let mut m = team.go();
    let found = join(threads);
    m.stop();
    let got = found.iter().fold((0, 0u64), |a, b| (a.0 + b.0, a.1.wrapping_add(b.1)));
    report(s, &m, got, (s.n(), sum_to(s.n())));
    true
}
