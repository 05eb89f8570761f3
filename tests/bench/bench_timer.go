// SPDX-License-Identifier: MIT
//
// bench_timer.go - Go's timers: what setting one costs, and how late a ticker is.
package main

import (
	"sort"
	"time"
)

func init() { more["timer"], more["tick"] = setTimers, tick }

// farAway is between 100 and 104 seconds, in no order.
func farAway(i int) time.Duration {
	return 100*time.Second + time.Duration(uint32(i)*2654435761)
}

// setTimers sets and stops a timer n times, or puts one off, beside others that are far away.
func setTimers(s *spec) {
	many := make([]*time.Timer, s.i("cap"))
	for i := range many {
		many[i] = time.AfterFunc(farAway(i), func() {})
	}
	var count uint64
	one := time.AfterFunc(50*time.Second, func() {})
	m := startMeter()
	for i := uint64(0); i < s.n(); i++ {
		after := 50*time.Second + time.Duration(i)
		if s.mode == "reset" {
			if one.Reset(after) {
				count++
			}
		} else if time.AfterFunc(after, func() {}).Stop() {
			count++
		}
	}
	m.stop()
	for _, t := range many {
		t.Stop()
	}
	report(s, m, count, s.n(), 0, 0)
}

// tick tells how late the receiver of a ticker of one millisecond runs.
func tick(s *spec) {
	late := make([]int64, s.n())
	time.NewTicker(time.Hour).Stop() // the first one of a process may take longer to make
	start := time.Now()
	ticker := time.NewTicker(time.Millisecond)
	m := startMeter()
	for i := range late {
		<-ticker.C
		late[i] = int64(time.Since(start) % time.Millisecond)
	}
	m.stop()
	ticker.Stop()
	sort.Slice(late, func(i, k int) bool { return late[i] < late[k] })
	s.also("p50", float64(late[len(late)/2]))
	s.also("p99", float64(late[len(late)*99/100]))
	s.also("longest", float64(late[len(late)-1]))
	report(s, m, uint64(len(late)), s.n(), 0, 0)
}
