// SPDX-License-Identifier: MIT
//
// bench_flow.go - Go in the flow cells, see flow.h: static parts of a slice for goroutines; rows
// through a channel.  A pipeline by the library's own means Go has not.
package main

import "sync"

func mapRange(in, out []float64, steps int) {
	if steps == 0 {
		for i, x := range in {
			out[i] = x*1.5 + 2
		}
		return
	}
	for i, x := range in {
		out[i] = float64(workSteps(uint64(x), steps) >> 12)
	}
}

func pmap(s *spec) {
	n, limit, w, steps := s.n(), uint64(s.i("limit")), s.i("w"), s.i("work")
	in, out := make([]float64, limit), make([]float64, limit)
	for i := range in {
		in[i] = float64(i)
		out[i] = -1
	}
	pass := func(done uint64) uint64 {
		if n-done < limit {
			return n - done
		}
		return limit
	}
	run := func(k int) {
		var all sync.WaitGroup
		for i := 0; i < w; i++ {
			from, to := k*i/w, k*(i+1)/w
			all.Add(1)
			go func() {
				mapRange(in[from:to], out[from:to], steps)
				all.Done()
			}()
		}
		all.Wait()
	}
	t := newTeam()
	run(int(pass(0)))
	m := t.run()
	for done := uint64(0); done < n; done += pass(done) {
		run(int(pass(done)))
	}
	m.stop()
	var right uint64
	want := make([]float64, 1)
	for i := uint64(0); i < pass(0); i++ {
		if steps > 0 && i%97 != 0 {
			right++
			continue
		}
		mapRange(in[i:i+1], want, steps)
		if out[i] == want[0] {
			right++
		}
	}
	report(s, m, right, pass(0), 0, 0)
}

const csvRows = 4096

func csvParse(row string) (sum uint64) {
	v := uint64(0)
	for i := 0; i < len(row); i++ {
		if c := row[i]; c >= '0' && c <= '9' {
			v = v*10 + uint64(c-'0')
		} else {
			sum += v
			v = 0
		}
	}
	return
}

func csvRow(i int) string {
	digits := func(v int) string {
		s := ""
		for ; v > 0; v /= 10 {
			s = string(rune('0'+v%10)) + s
		}
		return s
	}
	return digits(10000+i) + "," + digits(100+i%900) + "," + digits(100000+3*i) + "\n"
}

func csv(s *spec) {
	n, w := s.n(), s.i("w")
	rows := make([]string, csvRows)
	var all, rest uint64
	for i := range rows {
		rows[i] = csvRow(i)
		all += csvParse(rows[i])
		if uint64(i) < n%csvRows {
			rest += csvParse(rows[i])
		}
	}
	ch := make(chan string, s.i("cap"))
	lanes := make([]lane, w)
	var workers sync.WaitGroup
	t := newTeam()
	for i := range lanes {
		l := &lanes[i]
		t.add(&workers, func() {
			var sum, count uint64
			for row := range ch {
				sum += csvParse(row)
				count++
			}
			l.sum, l.count = sum, count
		})
	}
	m := t.run()
	for i := uint64(0); i < n; i++ {
		ch <- rows[i%csvRows]
	}
	close(ch)
	workers.Wait()
	m.stop()
	var count, sum uint64
	for i := range lanes {
		count += lanes[i].count
		sum += lanes[i].sum
	}
	report(s, m, count, n, sum, n/csvRows*all+rest)
}
