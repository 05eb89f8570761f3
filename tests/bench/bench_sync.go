// SPDX-License-Identifier: MIT
//
// bench_sync.go - Go's select, worker goroutines, sync.WaitGroup and context.
package main

import (
	"context"
	"sync"
	"time"
)

// ---- select: k channels with a sender each; the statements are generated, see gen_select.py ----

func sel(s *spec) {
	k := s.i("k")
	receive := selectors[k]
	if receive == nil {
		unsupported(s, "no-select-statement-of-that-size")
	}
	chans := make([]chan uint64, k)
	var all sync.WaitGroup
	var l lane
	t := newTeam()
	for i := range chans {
		ch, n := make(chan uint64, s.i("cap")), share(s.n(), k, i)
		chans[i] = ch
		t.add(&all, func() {
			for i := uint64(1); i <= n; i++ {
				ch <- i
			}
			close(ch)
		})
	}
	t.add(&all, func() { l.count, l.sum = receive(chans) })
	m := t.run()
	all.Wait()
	m.stop()
	report(s, m, l.count, s.n(), l.sum, sumOfShares(s.n(), k))
}

// ---- pool: workers on a channel of tasks; each worker adds up what it ran ----

type task struct {
	fn  func(l *lane, arg uint64)
	arg uint64
}

func pool(s *spec) {
	w, submitters, steps, wait := s.i("w"), s.i("s"), s.i("work"), s.mode == "rt"
	tasks := make(chan task, s.i("cap"))
	lanes := make([]lane, w)
	var workers, senders, done sync.WaitGroup
	for i := range lanes {
		l := &lanes[i]
		workers.Add(1)
		go func() {
			for t := range tasks {
				t.fn(l, t.arg)
			}
			workers.Done()
		}()
	}
	fn := func(l *lane, arg uint64) { l.count++; l.sum += arg }
	if steps > 0 {
		fn = func(l *lane, arg uint64) { l.sink = workSteps(l.sink, steps); l.count++; l.sum += arg }
	}
	t := newTeam()
	want := sumTo(s.n())
	for i := 0; i < submitters && !wait; i++ {
		n := share(s.n(), submitters, i)
		t.add(&senders, func() {
			for i := uint64(1); i <= n; i++ {
				tasks <- task{fn, i}
			}
		})
		want = sumOfShares(s.n(), submitters)
	}
	m := t.run()
	if wait {
		tell := func(l *lane, arg uint64) { l.count++; l.sum += arg; done.Done() }
		for i := uint64(1); i <= s.n(); i++ {
			done.Add(1)
			tasks <- task{tell, i}
			done.Wait()
		}
	}
	senders.Wait()
	close(tasks)
	workers.Wait()
	m.stop()
	var count, sum uint64
	for i := range lanes {
		count += lanes[i].count
		sum += lanes[i].sum
	}
	report(s, m, count, s.n(), sum, want)
}

// ---- wait group and context ----

func wg(s *spec) {
	var group, all sync.WaitGroup
	lanes := make([]lane, s.i("t"))
	t := newTeam()
	group.Add(len(lanes))
	for i := range lanes {
		l, n := &lanes[i], share(s.n(), len(lanes), i)
		t.add(&all, func() {
			for i := uint64(0); i < n; i++ {
				group.Add(1)
				group.Done()
				l.count++
			}
			group.Done()
		})
	}
	m := t.run()
	group.Wait()
	m.stop()
	all.Wait()
	var count uint64
	for i := range lanes {
		count += lanes[i].count
	}
	report(s, m, count, s.n(), 0, 0)
}

// ---- lock: each goroutine enters, works, leaves; a semaphore is a channel, as in Go ----

func lock(s *spec) {
	var mu sync.Mutex
	permits := make(chan struct{}, s.i("cap"))
	lanes := make([]lane, s.i("t"))
	var all sync.WaitGroup
	t := newTeam()
	mutex, steps := s.mode == "mutex", s.i("work")
	for i := range lanes {
		l, n := &lanes[i], share(s.n(), len(lanes), i)
		t.add(&all, func() {
			for ; l.count < n; l.count++ {
				if mutex {
					mu.Lock()
					l.sink = workSteps(l.sink, steps)
					mu.Unlock()
				} else {
					permits <- struct{}{}
					l.sink = workSteps(l.sink, steps)
					<-permits
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

func ctxTree(s *spec, root context.Context) (ended uint64, m *meter) {
	all := &meter{}
	for done := uint64(0); done < s.n(); {
		parent, cancel := context.WithCancel(root)
		kids := make([]context.Context, 0, treeKids)
		cancels := make([]context.CancelFunc, 0, treeKids)
		for len(kids) < treeKids && done+uint64(len(kids)) < s.n() {
			kid, c := context.WithCancel(parent)
			kids, cancels = append(kids, kid), append(cancels, c)
		}
		m = startMeter()
		cancel()
		m.stop()
		all.wall += m.wall
		all.cpu += m.cpu
		for i, kid := range kids {
			if kid.Err() == context.Canceled {
				ended++
			}
			cancels[i]()
		}
		done += uint64(len(kids))
	}
	return ended, all
}

func ctxCreate(s *spec, root context.Context, deadline bool) (ended uint64) {
	for i := uint64(0); i < s.n(); i++ {
		var ctx context.Context
		var cancel context.CancelFunc
		if deadline {
			ctx, cancel = context.WithTimeout(root, time.Hour)
		} else {
			ctx, cancel = context.WithCancel(root)
		}
		cancel()
		if ctx.Err() == context.Canceled {
			ended++
		}
	}
	return
}

func ctxStatus(s *spec, ctx context.Context, cancel context.CancelFunc) (alive uint64) {
	for i := uint64(0); i < s.n(); i++ {
		if ctx.Err() == nil {
			alive++
		}
	}
	cancel()
	return
}

func ctx(s *spec) {
	root, cancel := context.WithCancel(context.Background())
	defer cancel()
	var count uint64
	m := startMeter()
	switch s.mode {
	case "cancel":
		count = ctxCreate(s, root, false)
	case "deadline":
		count = ctxCreate(s, root, true)
	case "status":
		count = ctxStatus(s, root, cancel)
	case "status-deadline":
		kid, stop := context.WithTimeout(root, time.Hour)
		count = ctxStatus(s, kid, stop)
	case "tree":
		count, m = ctxTree(s, root)
	default:
		die("no such mode")
	}
	if s.mode != "tree" {
		m.stop()
	}
	report(s, m, count, s.n(), 0, 0)
}
