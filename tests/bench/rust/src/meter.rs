// SPDX-License-Identifier: MIT
//
// meter.rs - the cell on the command line, the clock, the start line and the line of output.
use std::process::exit;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::{spawn, JoinHandle};
use std::time::Instant;

pub fn die(why: &str) -> ! {
    eprintln!("bench_rust: {why}");
    exit(1)
}

/// What has to be there.
#[inline(always)]
pub fn must<T>(v: Option<T>) -> T {
    match v {
        Some(v) => v,
        None => die("a channel is closed"),
    }
}

pub struct Spec {
    pub peer: String,
    pub kind: String,
    pub mode: String,
    numbers: Vec<(String, u64)>,
    extra: String,
}

impl Spec {
    pub fn get(&self, key: &str) -> u64 {
        match self.numbers.iter().find(|(k, _)| k == key) {
            Some((_, v)) => *v,
            None => die("no such key"),
        }
    }
    pub fn us(&self, key: &str) -> usize {
        self.get(key) as usize
    }
    pub fn n(&self) -> u64 {
        self.get("n")
    }
    pub fn cap(&self) -> usize {
        self.us("cap")
    }
    fn set(&mut self, key: &str, v: u64) {
        match self.numbers.iter_mut().find(|(k, _)| k == key) {
            Some(slot) => slot.1 = v,
            None => die("unknown key in the cell"),
        }
    }
    fn also(&mut self, name: &str, v: f64) {
        self.extra += &format!(" {name}={v:.0}");
    }
    pub fn with(&self, n: u64, extra: &[(&str, f64)]) -> Spec {
        let mut s = Spec {
            peer: self.peer.clone(),
            kind: self.kind.clone(),
            mode: self.mode.clone(),
            numbers: self.numbers.clone(),
            extra: String::new(),
        };
        s.set("n", n);
        for (name, v) in extra {
            if *v < 10.0 {
                s.extra += &format!(" {name}={v:.6}")
            } else {
                s.also(name, *v)
            }
        }
        s
    }
}

pub fn parse() -> Spec {
    let args: Vec<String> = std::env::args().collect();
    if args.len() < 3 {
        die("usage: PEER KIND key=value ...")
    }
    let defaults = [
        ("n", 1000), ("p", 1), ("c", 1), ("k", 1), ("t", 1), ("w", 1), ("s", 1), ("batch", 1),
        ("work", 0), ("ms", 200), ("limit", 542), ("cap", 0), ("size", 8),
    ];
    let mut s = Spec {
        peer: args[1].clone(),
        kind: args[2].clone(),
        mode: String::new(),
        numbers: defaults.iter().map(|(k, v)| (k.to_string(), *v)).collect(),
        extra: String::new(),
    };
    for a in &args[3..] {
        match a.split_once('=') {
            Some(("mode", v)) => s.mode = v.to_string(),
            Some((key, v)) => match v.parse() {
                Ok(v) => s.set(key, v),
                Err(_) => die("bad number in the cell"),
            },
            None => die("usage: PEER KIND key=value ..."),
        }
    }
    s
}

pub fn unsupported(s: &Spec, why: &str) -> ! {
    println!("unsupported peer={} kind={} why={}", s.peer, s.kind, why);
    exit(3)
}

/// struct rusage of Linux on 64-bit machines: two times, and 14 counters of which the last two are
/// the context switches.
#[repr(C)]
#[derive(Default)]
struct Rusage {
    utime: [i64; 2],
    stime: [i64; 2],
    counters: [i64; 14],
}

extern "C" {
    fn getrusage(who: i32, usage: *mut Rusage) -> i32;
}

fn usage() -> (i64, i64, i64) {
    let mut r = Rusage::default();
    unsafe { getrusage(0, &mut r) };
    let ns = |t: [i64; 2]| t[0] * 1_000_000_000 + t[1] * 1000;
    (ns(r.utime) + ns(r.stime), r.counters[12], r.counters[13])
}

pub struct Meter {
    start: Instant,
    from: (i64, i64, i64),
    wall: i64,
    used: (i64, i64, i64),
}

impl Meter {
    pub fn start() -> Meter {
        let from = usage();
        Meter { start: Instant::now(), from, wall: 0, used: (0, 0, 0) }
    }
    pub fn stop(&mut self) {
        self.wall = self.start.elapsed().as_nanos() as i64;
        let to = usage();
        self.used = (to.0 - self.from.0, to.1 - self.from.1, to.2 - self.from.2);
    }
}

pub fn report(s: &Spec, m: &Meter, got: (u64, u64), want: (u64, u64)) {
    let word = if got == want { "ok" } else { "bad" };
    println!(
        "{} peer={} kind={} n={} wall={} cpu={} vcs={} ics={} count={} sum={}{}",
        word, s.peer, s.kind, s.n(), m.wall, m.used.0, m.used.1, m.used.2, got.0, got.1, s.extra
    );
    if word == "bad" {
        exit(1)
    }
}

pub fn share(n: u64, parts: u64, i: u64) -> u64 {
    n / parts + (i < n % parts) as u64
}

pub fn sum_to(n: u64) -> u64 {
    if n % 2 == 1 {
        n.wrapping_mul((n + 1) / 2)
    } else {
        (n / 2).wrapping_mul(n + 1)
    }
}

pub fn sum_of_shares(n: u64, parts: u64) -> u64 {
    (0..parts).fold(0, |sum: u64, i| sum.wrapping_add(sum_to(share(n, parts, i))))
}

#[inline(always)]
pub fn work_steps(mut x: u64, steps: u64) -> u64 {
    for _ in 0..steps {
        x = (x ^ (x >> 29)).wrapping_mul(6364136223846793005);
    }
    x
}

/// Makes sure that what was computed is needed.
pub fn keep(x: u64) {
    static SINK: AtomicU64 = AtomicU64::new(0);
    SINK.fetch_add(x, Ordering::Relaxed);
}

/// Threads that wait at a start line: twice through the barrier, the clock is read between.
pub struct Team {
    barrier: Arc<Barrier>,
}

impl Team {
    pub fn new(threads: usize) -> Team {
        Team { barrier: Arc::new(Barrier::new(threads + 1)) }
    }
    pub fn add<R: Send + 'static>(
        &self,
        f: impl FnOnce() -> R + Send + 'static,
    ) -> JoinHandle<R> {
        let barrier = self.barrier.clone();
        spawn(move || {
            barrier.wait();
            barrier.wait();
            drop(barrier);
            f()
        })
    }
    pub fn go(&self) -> Meter {
        self.barrier.wait();
        let m = Meter::start();
        self.barrier.wait();
        m
    }
}

pub fn join<R>(threads: Vec<JoinHandle<R>>) -> Vec<R> {
    let mut results = Vec::new();
    for t in threads {
        match t.join() {
            Ok(r) => results.push(r),
            Err(_) => die("a thread failed"),
        }
    }
    results
}
