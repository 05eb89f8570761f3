// SPDX-License-Identifier: MIT
//
// shapes.rs - the shapes of work that every Rust channel is put through.
use crate::meter::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

pub trait Queue<T>: 'static {
    type Tx: Clone + Send + 'static;
    type Rx: Send + 'static;
    fn new(cap: usize) -> (Self::Tx, Self::Rx);
    fn send(tx: &Self::Tx, v: T);
    fn recv(rx: &Self::Rx) -> Option<T>;
    fn clone_rx(rx: &Self::Rx) -> Option<Self::Rx>;
}

/// What is sent: the value stands in the first and the last word.
trait Elem: Copy + Send + 'static {
    fn new(v: u64) -> Self;
    fn value(&self) -> u64;
}

impl<const N: usize> Elem for [u64; N] {
    #[inline(always)]
    fn new(v: u64) -> Self {
        let mut e = [0; N];
        e[0] = v;
        e[N - 1] = v;
        e
    }
    #[inline(always)]
    fn value(&self) -> u64 {
        if self[0] == self[N - 1] {
            self[0]
        } else {
            !self[0]
        }
    }
}

fn receivers<Q: Queue<T>, T>(s: &Spec, rx: Q::Rx) -> Vec<Q::Rx> {
    let mut all = Vec::new();
    for _ in 1..s.us("c") {
        match Q::clone_rx(&rx) {
            Some(rx) => all.push(rx),
            None => unsupported(s, "single-receiver-only"),
        }
    }
    all.push(rx);
    all
}

fn tp<Q: Queue<E>, E: Elem>(s: &Spec) {
    let (p, work) = (s.get("p"), s.get("work"));
    let (tx, rx) = Q::new(s.cap());
    let rxs = receivers::<Q, E>(s, rx);
    let team = Team::new(s.us("p") + s.us("c"));
    let mut takers = Vec::new();
    for rx in rxs {
        takers.push(team.add(move || {
            let (mut count, mut sum, mut x) = (0u64, 0u64, 1u64);
            while let Some(e) = Q::recv(&rx) {
                if work > 0 {
                    x = work_steps(x, work);
                }
                sum = sum.wrapping_add(e.value());
                count += 1;
            }
            keep(x);
            (count, sum)
        }));
    }
    let mut givers = Vec::new();
    for i in 0..p {
        let (tx, n) = (tx.clone(), share(s.n(), p, i));
        givers.push(team.add(move || {
            let mut x = 1;
            for v in 1..=n {
                if work > 0 {
                    x = work_steps(x, work);
                }
                Q::send(&tx, E::new(v));
            }
            keep(x);
        }));
    }
    drop(tx);
    let mut m = team.go();
    join(givers);
    let found = join(takers);
    m.stop();
    let got = found.iter().fold((0, 0u64), |a, b| (a.0 + b.0, a.1.wrapping_add(b.1)));
    report(s, &m, got, (s.n(), sum_of_shares(s.n(), p)));
}

fn pair<Q: Queue<u64>>(s: &Spec) {
    let (tx, rx) = Q::new(s.cap());
    let (n, mut sum, mut count) = (s.n(), 0u64, 0);
    let mut m = Meter::start();
    for i in 1..=n {
        Q::send(&tx, i);
        if let Some(v) = Q::recv(&rx) {
            sum = sum.wrapping_add(v);
            count += 1;
        }
    }
    m.stop();
    report(s, &m, (count, sum), (n, sum_to(n)));
}

fn pp<Q: Queue<u64>>(s: &Spec) {
    let (there, there_rx) = Q::new(s.cap());
    let (back, back_rx) = Q::new(s.cap());
    let team = Team::new(1);
    let echo = team.add(move || {
        while let Some(v) = Q::recv(&there_rx) {
            Q::send(&back, v);
        }
    });
    let (n, mut sum, mut count) = (s.n(), 0u64, 0);
    let mut m = team.go();
    for i in 1..=n {
        Q::send(&there, i);
        if let Some(v) = Q::recv(&back_rx) {
            sum = sum.wrapping_add(v);
            count += 1;
        }
    }
    m.stop();
    drop(there);
    join(vec![echo]);
    report(s, &m, (count, sum), (n, sum_to(n)));
}

fn pipe<Q: Queue<u64>>(s: &Spec) {
    let (k, n) = (s.us("k"), s.n());
    let team = Team::new(k);
    let (tx, mut rx) = Q::new(s.cap());
    let mut stages = vec![team.add(move || {
        for i in 1..=n {
            Q::send(&tx, i);
        }
    })];
    for _ in 1..k - 1 {
        let (tx, next) = Q::new(s.cap());
        stages.push(team.add(move || {
            while let Some(v) = Q::recv(&rx) {
                Q::send(&tx, v + 1);
            }
        }));
        rx = next;
    }
    let last = team.add(move || {
        let (mut count, mut sum) = (0u64, 0u64);
        while let Some(v) = Q::recv(&rx) {
            sum = sum.wrapping_add(v);
            count += 1;
        }
        (count, sum)
    });
    let mut m = team.go();
    join(stages);
    let got = join(vec![last])[0];
    m.stop();
    report(s, &m, got, (n, sum_to(n).wrapping_add(n.wrapping_mul(k as u64 - 2))));
}

fn sieve_once<Q: Queue<u64>>(limit: u64, cap: usize) -> (u64, u64) {
    let (tx, mut rx) = Q::new(cap);
    let (mut found, mut sum) = (0, 0);
    let mut threads = vec![spawn(move || {
        for i in 2..limit {
            Q::send(&tx, i);
        }
    })];
    while let Some(prime) = Q::recv(&rx) {
        let (tx, next) = Q::new(cap);
        found += 1;
        sum += prime;
        threads.push(spawn(move || {
            while let Some(v) = Q::recv(&rx) {
                if v % prime != 0 {
                    Q::send(&tx, v);
                }
            }
        }));
        rx = next;
    }
    join(threads);
    (found, sum)
}

fn sieve<Q: Queue<u64>>(s: &Spec) {
    let (limit, n, mut got) = (s.get("limit"), s.n(), (0, 0));
    let mut m = Meter::start();
    for _ in 0..n {
        let one = sieve_once::<Q>(limit, s.cap());
        got = (got.0 + one.0, got.1 + one.1);
    }
    m.stop();
    let primes = (2..limit).filter(|i| (2..*i).all(|d| i % d != 0));
    let want = primes.fold((0, 0), |a, p| (a.0 + n, a.1 + n * p));
    report(s, &m, got, want);
}

fn wake<Q: Queue<u64>>(s: &Spec) {
    let (there, there_rx) = Q::new(s.cap());
    let (back, back_rx) = Q::new(s.cap());
    let (team, base) = (Team::new(1), Instant::now());
    let echo = team.add(move || {
        while Q::recv(&there_rx).is_some() {
            Q::send(&back, base.elapsed().as_nanos() as u64);
        }
    });
    let mut late = Vec::with_capacity(s.us("n"));
    let mut m = team.go();
    for i in 0..s.n() {
        sleep(Duration::from_micros(500)); // the state to be measured: it has slept for a while
        let start = base.elapsed().as_nanos() as u64;
        Q::send(&there, i);
        if let Some(t) = Q::recv(&back_rx) {
            late.push(t - start);
        }
    }
    m.stop();
    drop(there);
    join(vec![echo]);
    late.sort_unstable();
    let at = |part: usize| late[late.len() * part / 100] as f64;
    report(&s.with(s.n(), &[("p50", at(50)), ("p99", at(99))]), &m, (late.len() as u64, 0),
           (s.n(), 0));
}

fn idle<Q: Queue<u64>>(s: &Spec) {
    let (tx, rx) = Q::new(s.cap());
    let t = s.us("t");
    let team = Team::new(t);
    let mut rxs = vec![];
    for _ in 1..t {
        match Q::clone_rx(&rx) {
            Some(rx) => rxs.push(rx),
            None => unsupported(s, "single-receiver-only"),
        }
    }
    rxs.push(rx);
    let sleepers = rxs.into_iter().map(|rx| team.add(move || while Q::recv(&rx).is_some() {}));
    let sleepers = sleepers.collect();
    team.go();
    sleep(Duration::from_millis(100)); // to the state to be measured
    let mut m = Meter::start();
    sleep(Duration::from_millis(s.get("ms")));
    m.stop();
    drop(tx);
    join(sleepers);
    report(s, &m, (0, 0), (0, 0));
}

// ---- for a given time: who gets how much, and who waits how long ----

struct Side {
    count: u64,
    sum: u64,
    longest: u64,
    hist: Vec<u64>,
}

impl Side {
    fn new() -> Side {
        Side { count: 0, sum: 0, longest: 0, hist: vec![0; 8 * 64] }
    }
    fn note(&mut self, start: Instant) -> Instant {
        let now = Instant::now();
        let ns = now.duration_since(start).as_nanos() as u64;
        self.longest = self.longest.max(ns);
        let v = ns.max(8);
        let top = 63 - v.leading_zeros() as usize;
        self.hist[top * 8 + (v >> (top - 3) & 7) as usize] += 1;
        self.count += 1;
        now
    }
}

fn quantile(sides: &[Side], q: f64) -> f64 {
    let hist: Vec<u64> = (0..8 * 64).map(|i| sides.iter().map(|s| s.hist[i]).sum()).collect();
    let (all, mut seen) = (hist.iter().sum::<u64>(), 0);
    for (i, v) in hist.iter().enumerate() {
        seen += v;
        if seen > 0 && seen as f64 >= q * all as f64 {
            return (1u64 << (i / 8)) as f64 * (1.0 + (i % 8 + 1) as f64 / 8.0);
        }
    }
    0.0
}

fn measures(sides: &[Side]) -> (u64, f64, f64, f64) {
    let all: u64 = sides.iter().map(|s| s.count).sum();
    let least = sides.iter().map(|s| s.count).min().unwrap_or(0);
    let longest = sides.iter().map(|s| s.longest).max().unwrap_or(0);
    let part = least as f64 * sides.len() as f64 / all.max(1) as f64;
    (all, part, longest as f64, quantile(sides, 0.9999))
}

fn fair<Q: Queue<u64>>(s: &Spec) {
    let (tx, rx) = Q::new(s.cap());
    let rxs = receivers::<Q, u64>(s, rx);
    let team = Team::new(s.us("p") + s.us("c"));
    let over = Arc::new(AtomicBool::new(false));
    let mut takers = Vec::new();
    for rx in rxs {
        takers.push(team.add(move || {
            let (mut side, mut start) = (Side::new(), Instant::now());
            while let Some(v) = Q::recv(&rx) {
                side.sum += v;
                start = side.note(start);
            }
            side
        }));
    }
    let mut givers = Vec::new();
    for _ in 0..s.us("p") {
        let (tx, over) = (tx.clone(), over.clone());
        givers.push(team.add(move || {
            let (mut side, mut start) = (Side::new(), Instant::now());
            while !over.load(Ordering::Relaxed) {
                Q::send(&tx, 1);
                start = side.note(start);
            }
            side
        }));
    }
    drop(tx);
    let mut m = team.go();
    sleep(Duration::from_millis(s.get("ms")));
    over.store(true, Ordering::Relaxed);
    let (sent, got) = (join(givers), join(takers));
    m.stop();
    let (a, b) = (measures(&got), measures(&sent));
    let s = s.with(b.0, &[("recv_share", a.1), ("recv_longest", a.2), ("recv_p9999", a.3),
                          ("send_share", b.1), ("send_longest", b.2), ("send_p9999", b.3)]);
    report(&s, &m, (a.0, got.iter().map(|s| s.sum).sum()), (b.0, b.0));
}

pub fn run<Q>(s: &Spec) -> bool
where
    Q: Queue<u64> + Queue<[u64; 1]> + Queue<[u64; 8]> + Queue<[u64; 32]> + Queue<[u64; 512]>,
{
    match (s.kind.as_str(), s.get("size")) {
        ("tp", 8) => tp::<Q, [u64; 1]>(s),
        ("tp", 64) => tp::<Q, [u64; 8]>(s),
        ("tp", 256) => tp::<Q, [u64; 32]>(s),
        ("tp", 4096) => tp::<Q, [u64; 512]>(s),
        ("pair", _) if s.cap() > 0 => pair::<Q>(s),
        ("pp", _) => pp::<Q>(s),
        ("pipe", _) => pipe::<Q>(s),
        ("sieve", _) => sieve::<Q>(s),
        ("wake", _) => wake::<Q>(s),
        ("idle", _) => idle::<Q>(s),
        ("fair", _) => fair::<Q>(s),
        _ => return false,
    }
    true
}
