// SPDX-License-Identifier: MIT
//
// main.rs - the Rust peers: crossbeam-channel (with its Select, a worker pool on it, and
// crossbeam-utils' WaitGroup), crossbeam-deque, std::sync::mpsc and Barrier, flume, parking_lot.
// The cells and the line of output are those of common.h.
mod coord;
mod meter;
mod shapes;

use meter::{die, parse, unsupported, Spec};
use shapes::Queue;

#[cfg(feature = "crossbeam")]
mod crossbeam;
#[cfg(feature = "parking_lot")]
mod parking;
#[cfg(feature = "deque")]
mod stealing;

/// std::sync::mpsc: many senders, one receiver.
struct Std;

impl<T: Send + 'static> Queue<T> for Std {
    type Tx = std::sync::mpsc::SyncSender<T>;
    type Rx = std::sync::mpsc::Receiver<T>;
    fn new(cap: usize) -> (Self::Tx, Self::Rx) {
        std::sync::mpsc::sync_channel(cap)
    }
    #[inline(always)]
    fn send(tx: &Self::Tx, v: T) {
        if tx.send(v).is_err() {
            die("send on a closed channel")
        }
    }
    #[inline(always)]
    fn recv(rx: &Self::Rx) -> Option<T> {
        rx.recv().ok()
    }
    fn clone_rx(_: &Self::Rx) -> Option<Self::Rx> {
        None
    }
}

#[cfg(feature = "flume")]
struct Flume;

#[cfg(feature = "flume")]
impl<T: Send + 'static> Queue<T> for Flume {
    type Tx = flume_crate::Sender<T>;
    type Rx = flume_crate::Receiver<T>;
    fn new(cap: usize) -> (Self::Tx, Self::Rx) {
        flume_crate::bounded(cap)
    }
    #[inline(always)]
    fn send(tx: &Self::Tx, v: T) {
        if tx.send(v).is_err() {
            die("send on a closed channel")
        }
    }
    #[inline(always)]
    fn recv(rx: &Self::Rx) -> Option<T> {
        rx.recv().ok()
    }
    fn clone_rx(rx: &Self::Rx) -> Option<Self::Rx> {
        Some(rx.clone())
    }
}

fn run_future(s: &Spec) -> bool {
    match (s.peer.as_str(), s.mode.as_str()) {
        #[cfg(feature = "crossbeam")]
        ("crossbeam", "call") => coord::calls::<crossbeam::Crossbeam>(s),
        #[cfg(feature = "flume")]
        ("flume", "call") => coord::calls::<Flume>(s),
        #[cfg(feature = "crossbeam")]
        ("crossbeam", _) => coord::of_crossbeam::run(s),
        #[cfg(feature = "flume")]
        ("flume", _) => coord::of_flume::run(s),
        ("std", _) => coord::of_std::run(s),
        _ => false,
    }
}

fn run(s: &Spec) -> bool {
    match s.peer.as_str() {
        _ if s.kind == "future" => run_future(s),
        "std" if s.kind == "barrier" => coord::barrier(s),
        "std" => shapes::run::<Std>(s),
        #[cfg(feature = "flume")]
        "flume" => shapes::run::<Flume>(s),
        #[cfg(feature = "crossbeam")]
        "crossbeam" => crossbeam::run(s) || shapes::run::<crossbeam::Crossbeam>(s),
        #[cfg(feature = "parking_lot")]
        "parking_lot" => parking::run(s),
        #[cfg(feature = "deque")]
        "crossbeam-deque" => stealing::run(s),
        _ => die("no such peer"),
    }
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("list") {
        println!("std");
        #[cfg(feature = "flume")]
        println!("flume");
        #[cfg(feature = "crossbeam")]
        println!("crossbeam");
        #[cfg(feature = "parking_lot")]
        println!("parking_lot");
        #[cfg(feature = "deque")]
        println!("crossbeam-deque");
        return;
    }
    let s = parse();
    if !run(&s) {
        unsupported(&s, "no-such-kind-of-work-for-this-peer")
    }
}
