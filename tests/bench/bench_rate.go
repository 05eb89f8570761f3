// SPDX-License-Identifier: MIT
//
// bench_rate.go - the rate limiter of golang.org/x/time, if it is installed.
package main

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

func init() { more["rate"] = limit }

// limit takes a token n times in t goroutines: it always is there, or never.
func limit(s *spec) {
	allowed := s.mode == "allowed"
	l := rate.NewLimiter(9e11, 1<<30)
	if !allowed {
		l = rate.NewLimiter(rate.Every(1e6*time.Second), 1)
		l.Allow()
	}
	lanes := make([]lane, s.i("t"))
	var all sync.WaitGroup
	t := newTeam()
	for i := range lanes {
		lane, n := &lanes[i], share(s.n(), len(lanes), i)
		t.add(&all, func() {
			for ; lane.count < n; lane.count++ {
				if l.Allow() != allowed {
					die("the limiter gives what it should not, or does not give")
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
