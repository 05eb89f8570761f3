// SPDX-License-Identifier: MIT
//
// coord.rs - std::sync::Barrier, and futures, which are channels of capacity 1: in one thread, two
// threads that write to each other as futures.h says, and workers that are asked for a value.
use crate::meter::*;
use crate::shapes::Queue;
use std::sync::{Arc, Barrier};

pub fn barrier(s: &Spec) -> bool {
    let (threads, n) = (s.us("t"), s.n());
    let barrier = Arc::new(Barrier::new(threads));
    let team = Team::new(threads);
    let parties = (0..threads)
        .map(|_| {
            let barrier = barrier.clone();
            team.add(move || {
                let (mut led, mut passed) = (0, 0);
                while passed < n {
                    led += barrier.wait().is_leader() as u64;
                    passed += 1;
                }
                (led, passed)
            })
        })
        .collect();
    let mut m = team.go();
    let found = join(parties);
    m.stop();
    let got = found.iter().fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    report(s, &m, got, (n, n * threads as u64));
    true
}

/// In one thread and across two, for one kind of channel.
macro_rules! futures {
    ($name:ident, $($module:ident)::+, $sender:ident, $bounded:ident) => {
        pub mod $name {
            use crate::meter::*;
            use $($module)::+::{$bounded, $sender, Receiver};

            pub fn alone(s: &Spec) {
                let (mut count, mut sum) = (0, 0u64);
                let mut m = Meter::start();
                for v in 1..=s.n() {
                    let (tx, rx) = $bounded(1);
                    must(tx.send(v).ok());
                    drop(tx);
                    sum = sum.wrapping_add(must(rx.recv().ok()));
                    count += 1;
                }
                m.stop();
                report(s, &m, (count, sum), (s.n(), sum_to(s.n())));
            }

            struct Letter {
                v: u64,
                reply: Option<$sender<Letter>>,
            }

            /// Sends letters v, v + 2, ... up to n, and reads the answers: how many, and their sum.
            fn correspond(n: u64, mut to: Option<$sender<Letter>>, mut v: u64) -> (u64, u64) {
                let (mut count, mut sum) = (0, 0u64);
                while v <= n {
                    let (reply, answer) = if v < n {
                        let (tx, rx) = $bounded(1);
                        (Some(tx), Some(rx))
                    } else {
                        (None, None)
                    };
                    must(must(to).send(Letter { v, reply }).ok());
                    if v == n {
                        break;
                    }
                    let mail: Letter = must(must(answer).recv().ok());
                    count += 1;
                    sum = sum.wrapping_add(mail.v);
                    to = mail.reply;
                    v = mail.v + 1;
                }
                (count, sum)
            }

            pub fn across(s: &Spec) {
                let n = s.n();
                let (tx, rx): (_, Receiver<Letter>) = $bounded(1);
                let team = Team::new(2);
                let first = team.add(move || correspond(n, Some(tx), 1));
                let second = team.add(move || {
                    let mail = must(rx.recv().ok());
                    drop(rx);
                    let (count, sum) = correspond(n, mail.reply, mail.v + 1);
                    (count + 1, sum.wrapping_add(mail.v))
                });
                let mut m = team.go();
                let got = join(vec![first, second]);
                m.stop();
                let all = (got[0].0 + got[1].0, got[0].1.wrapping_add(got[1].1));
                report(s, &m, all, (n, sum_to(n)));
            }

            pub fn run(s: &Spec) -> bool {
                match s.mode.as_str() {
                    "self" => alone(s),
                    "cross" => across(s),
                    _ => return false,
                }
                true
            }
        }
    };
}

futures!(of_std, std::sync::mpsc, SyncSender, sync_channel);
#[cfg(feature = "crossbeam")]
futures!(of_crossbeam, crossbeam_channel, Sender, bounded);
#[cfg(feature = "flume")]
futures!(of_flume, flume_crate, Sender, bounded);

type Call<Tx> = (fn(u64) -> u64, u64, Tx);

/// Workers on a channel of tasks; each task brings the channel for its value.
#[cfg(any(feature = "crossbeam", feature = "flume"))]
pub fn calls<Q>(s: &Spec) -> bool
where
    Q: Queue<u64> + Queue<Call<<Q as Queue<u64>>::Tx>>,
{
    let (tx, rx) = <Q as Queue<Call<<Q as Queue<u64>>::Tx>>>::new(s.cap());
    let mut workers = vec![];
    for _ in 0..s.us("w") {
        let rx = must(<Q as Queue<Call<<Q as Queue<u64>>::Tx>>>::clone_rx(&rx));
        workers.push(std::thread::spawn(move || {
            while let Some((f, arg, to)) = <Q as Queue<Call<_>>>::recv(&rx) {
                <Q as Queue<u64>>::send(&to, f(arg));
            }
        }));
    }
    let (mut count, mut sum) = (0, 0u64);
    let mut m = Meter::start();
    for v in 1..=s.n() {
        let (to, future) = <Q as Queue<u64>>::new(1);
        <Q as Queue<Call<_>>>::send(&tx, (|arg| arg, v, to));
        sum = sum.wrapping_add(must(<Q as Queue<u64>>::recv(&future)));
        count += 1;
    }
    m.stop();
    drop(tx);
    join(workers);
    report(s, &m, (count, sum), (s.n(), sum_to(s.n())));
    true
}
