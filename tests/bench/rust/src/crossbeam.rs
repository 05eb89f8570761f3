// SPDX-License-Identifier: MIT
//
// crossbeam.rs - crossbeam-channel, and what only it has: Select, a pool of workers on a bounded
// channel of tasks, and crossbeam-utils' WaitGroup.
use crate::meter::*;
use crate::shapes::Queue;
use crossbeam_channel::{bounded, Receiver, Select, Sender};
use crossbeam_utils::sync::WaitGroup;
use std::thread::spawn;

pub struct Crossbeam;

impl<T: Send + 'static> Queue<T> for Crossbeam {
    type Tx = Sender<T>;
    type Rx = Receiver<T>;
    fn new(cap: usize) -> (Sender<T>, Receiver<T>) {
        bounded(cap)
    }
    #[inline(always)]
    fn send(tx: &Sender<T>, v: T) {
        if tx.send(v).is_err() {
            die("send on a closed channel")
        }
    }
    #[inline(always)]
    fn recv(rx: &Receiver<T>) -> Option<T> {
        rx.recv().ok()
    }
    fn clone_rx(rx: &Receiver<T>) -> Option<Receiver<T>> {
        Some(rx.clone())
    }
}

fn receive_all(rxs: &[Receiver<u64>]) -> (u64, u64) {
    let (mut count, mut sum, mut open) = (0, 0u64, rxs.len());
    let mut sel = Select::new();
    for rx in rxs {
        sel.recv(rx);
    }
    while open > 0 {
        let op = sel.select();
        let i = op.index();
        match op.recv(&rxs[i]) {
            Ok(v) => {
                sum = sum.wrapping_add(v);
                count += 1;
            }
            Err(_) => {
                sel.remove(i);
                open -= 1;
            }
        }
    }
    (count, sum)
}

fn sel(s: &Spec) {
    let (k, cap) = (s.get("k"), s.cap());
    let team = Team::new(k as usize + 1);
    let (mut rxs, mut givers) = (vec![], vec![]);
    for i in 0..k {
        let (tx, rx) = bounded(cap);
        let n = share(s.n(), k, i);
        rxs.push(rx);
        givers.push(team.add(move || {
            for v in 1..=n {
                Crossbeam::send(&tx, v);
            }
        }));
    }
    let taker = team.add(move || receive_all(&rxs));
    let mut m = team.go();
    join(givers);
    let got = join(vec![taker])[0];
    m.stop();
    report(s, &m, got, (s.n(), sum_of_shares(s.n(), k)));
}

#[derive(Default)]
struct Lane {
    count: u64,
    sum: u64,
    sink: u64,
    steps: u64,
    done: Option<Sender<()>>,
}

type Task = (fn(&mut Lane, u64), u64);

fn add_up(l: &mut Lane, arg: u64) {
    l.count += 1;
    l.sum = l.sum.wrapping_add(arg);
}

fn add_up_and_work(l: &mut Lane, arg: u64) {
    l.sink = work_steps(l.sink, l.steps);
    add_up(l, arg)
}

fn add_up_and_tell(l: &mut Lane, arg: u64) {
    add_up(l, arg);
    if let Some(done) = &l.done {
        Crossbeam::send(done, ());
    }
}

fn pool(s: &Spec) {
    let (submitters, steps, wait) = (s.get("s"), s.get("work"), s.mode == "rt");
    let (tx, rx) = bounded::<Task>(s.cap());
    let (done, done_rx) = bounded::<()>(1);
    let mut workers = vec![];
    for _ in 0..s.us("w") {
        let (rx, done) = (rx.clone(), done.clone());
        workers.push(spawn(move || {
            let mut l = Lane { steps, done: Some(done), ..Default::default() };
            while let Some((f, arg)) = Crossbeam::recv(&rx) {
                f(&mut l, arg);
            }
            keep(l.sink);
            (l.count, l.sum)
        }));
    }
    let team = Team::new(if wait { 0 } else { submitters as usize });
    let mut givers = vec![];
    for i in 0..if wait { 0 } else { submitters } {
        let (tx, n) = (tx.clone(), share(s.n(), submitters, i));
        let task: fn(&mut Lane, u64) = if steps > 0 { add_up_and_work } else { add_up };
        givers.push(team.add(move || {
            for v in 1..=n {
                Crossbeam::send(&tx, (task, v));
            }
        }));
    }
    let mut m = team.go();
    if wait {
        for v in 1..=s.n() {
            Crossbeam::send(&tx, (add_up_and_tell, v));
            Crossbeam::recv(&done_rx);
        }
    }
    drop(tx);
    join(givers);
    let found = join(workers);
    m.stop();
    let got = found.iter().fold((0, 0u64), |a, b| (a.0 + b.0, a.1.wrapping_add(b.1)));
    let sum = if wait { sum_to(s.n()) } else { sum_of_shares(s.n(), submitters) };
    report(s, &m, got, (s.n(), sum));
}

/// A wait group is counted up by clone() and down by drop().
fn wg(s: &Spec) {
    let t = s.get("t");
    let group = WaitGroup::new();
    let team = Team::new(t as usize);
    let mut counters = vec![];
    for i in 0..t {
        let (group, n) = (group.clone(), share(s.n(), t, i));
        counters.push(team.add(move || {
            let mut count = 0;
            for _ in 0..n {
                drop(group.clone());
                count += 1;
            }
            count
        }));
    }
    let mut m = team.go();
    group.wait();
    m.stop();
    let count = join(counters).iter().sum();
    report(s, &m, (count, 0), (s.n(), 0));
}

pub fn run(s: &Spec) -> bool {
    match s.kind.as_str() {
        "sel" => sel(s),
        "pool" => pool(s),
        "wg" => wg(s),
        _ => return false,
    }
    true
}
