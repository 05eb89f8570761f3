// SPDX-License-Identifier: MIT
//
// bench_coord.go - barriers, of a mutex and a condition, futures, which are channels of
// capacity 1, and circuit breakers, which are a mutex around counts: as they are written in Go.
package main

import (
	"sync"
	"time"
)

// ---- barrier: t goroutines that meet n times ----

type meeting struct {
	mu         sync.Mutex
	opened     *sync.Cond
	parties    int
	arrived    int
	generation uint64
}

// meet waits for the others; true in the last one.
func (b *meeting) meet() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.arrived++
	if b.arrived == b.parties {
		b.arrived = 0
		b.generation++
		b.opened.Broadcast()
		return true
	}
	for mine := b.generation; mine == b.generation; {
		b.opened.Wait()
	}
	return false
}

func barrier(s *spec) {
	b := &meeting{parties: s.i("t")}
	b.opened = sync.NewCond(&b.mu)
	lanes := make([]lane, s.i("t"))
	var all sync.WaitGroup
	t := newTeam()
	for i := range lanes {
		l, n := &lanes[i], s.n()
		t.add(&all, func() {
			for ; l.sum < n; l.sum++ {
				if b.meet() {
					l.count++
				}
			}
		})
	}
	m := t.run()
	all.Wait()
	m.stop()
	var led, passed uint64
	for i := range lanes {
		led += lanes[i].count
		passed += lanes[i].sum
	}
	report(s, m, led, s.n(), passed, s.n()*uint64(len(lanes)))
}

// ---- future: in one goroutine; two that write to each other, as futures.h says; a goroutine ----

type letter struct {
	v     uint64
	reply chan letter
}

func correspond(l *lane, n uint64, to chan letter, v uint64) {
	for v <= n {
		var reply chan letter
		if v < n {
			reply = make(chan letter, 1)
		}
		to <- letter{v, reply}
		if reply == nil {
			return
		}
		mail := <-reply
		l.sum += mail.v
		l.count++
		to, v = mail.reply, mail.v+1
	}
}

func futureCross(s *spec) {
	lanes := make([]lane, 2)
	first := make(chan letter, 1)
	var all sync.WaitGroup
	t := newTeam()
	t.add(&all, func() { correspond(&lanes[0], s.n(), first, 1) })
	t.add(&all, func() {
		mail := <-first
		lanes[1].sum, lanes[1].count = mail.v, 1
		correspond(&lanes[1], s.n(), mail.reply, mail.v+1)
	})
	m := t.run()
	all.Wait()
	m.stop()
	report(s, m, lanes[0].count+lanes[1].count, s.n(), lanes[0].sum+lanes[1].sum, sumTo(s.n()))
}

func future(s *spec) {
	if s.mode == "cross" {
		futureCross(s)
		return
	}
	var count, sum uint64
	m := startMeter()
	for v := uint64(1); v <= s.n(); v++ {
		f := make(chan uint64, 1)
		if s.mode == "call" {
			go func(v uint64) { f <- v }(v)
		} else {
			f <- v
		}
		sum += <-f
		count++
	}
	m.stop()
	report(s, m, count, s.n(), sum, sumTo(s.n()))
}

// ---- breaker: a mutex around state and counts, as sony/gobreaker has it ----

type circuit struct {
	mu                            sync.Mutex
	open                          bool
	until                         time.Time
	requests, successes, failures uint64
	goodInARow, badInARow         uint64
}

func (c *circuit) allow() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open && time.Now().Before(c.until) {
		return false
	}
	c.requests++
	return true
}

func (c *circuit) done(ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ok {
		c.successes++
		c.goodInARow++
		c.badInARow = 0
		return
	}
	c.failures++
	c.badInARow++
	c.goodInARow = 0
	if c.badInARow > 5 {
		c.open = true
		c.until = time.Now().Add(time.Minute)
	}
}

func breaker(s *spec) {
	c := &circuit{open: s.mode == "open", until: time.Now().Add(time.Hour)}
	lanes := make([]lane, s.i("t"))
	var all sync.WaitGroup
	t := newTeam()
	for i := range lanes {
		l, n := &lanes[i], share(s.n(), len(lanes), i)
		t.add(&all, func() {
			for ; l.count < n; l.count++ {
				if c.allow() == c.open {
					die("a closed one refuses, or an open one does not")
				}
				if !c.open {
					c.done(true)
				}
			}
		})
	}
	m := t.run()
	all.Wait()
	m.stop()
	var count uint64
	for i := range lanes {
		count += lanes[i].count
	}
	report(s, m, count, s.n(), 0, 0)
}
