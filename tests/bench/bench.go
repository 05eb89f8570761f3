// SPDX-License-Identifier: MIT
//
// bench.go - Go's channels in every shape of work; what else it is compared in is in
// bench_sync.go.
// The cells and the line of output are those of common.h.
package main

import (
	"fmt"
	"math/bits"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const treeKids = 1000

type spec struct {
	kind, mode string
	num        map[string]uint64
	extra      string
}

func (s *spec) n() uint64        { return s.num["n"] }
func (s *spec) i(key string) int { return int(s.num[key]) }

func die(why ...any) {
	fmt.Fprintln(os.Stderr, why...)
	os.Exit(1)
}

func parse() *spec {
	if len(os.Args) < 3 || os.Args[1] != "go" {
		die("usage: go KIND key=value ...")
	}
	s := &spec{kind: os.Args[2], num: map[string]uint64{"n": 1000, "p": 1, "c": 1, "k": 1, "t": 1,
		"w": 1, "s": 1, "batch": 1, "work": 0, "ms": 200, "limit": 542, "cap": 0, "size": 8}}
	for _, a := range os.Args[3:] {
		key, value, _ := strings.Cut(a, "=")
		if key == "mode" {
			s.mode = value
			continue
		}
		v, err := strconv.ParseUint(value, 10, 64)
		if _, known := s.num[key]; err != nil || !known {
			die("bad cell: ", a)
		}
		s.num[key] = v
	}
	return s
}

func unsupported(s *spec, why string) {
	fmt.Printf("unsupported peer=go kind=%s why=%s\n", s.kind, why)
	os.Exit(3)
}

// ---- time and sums ----

type meter struct {
	start     time.Time
	wall, cpu int64
	vcs, ics  int64
}

func (m *meter) usage() (int64, int64, int64) {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return r.Utime.Nano() + r.Stime.Nano(), r.Nvcsw, r.Nivcsw
}

func startMeter() *meter {
	m := &meter{}
	m.cpu, m.vcs, m.ics = m.usage()
	m.start = time.Now()
	return m
}

func (m *meter) stop() {
	m.wall = int64(time.Since(m.start))
	cpu, v, i := m.usage()
	m.cpu, m.vcs, m.ics = cpu-m.cpu, v-m.vcs, i-m.ics
}

func (s *spec) also(name string, v float64) { s.extra += fmt.Sprintf(" %s=%.6g", name, v) }

func report(s *spec, m *meter, count, wantCount, sum, wantSum uint64) {
	word := "ok"
	if count != wantCount || sum != wantSum {
		word = "bad"
	}
	fmt.Printf("%s peer=go kind=%s n=%d wall=%d cpu=%d vcs=%d ics=%d count=%d sum=%d%s\n", word,
		s.kind, s.n(), m.wall, m.cpu, m.vcs, m.ics, count, sum, s.extra)
	if word == "bad" {
		os.Exit(1)
	}
}

func share(n uint64, parts, i int) uint64 {
	v := n / uint64(parts)
	if uint64(i) < n%uint64(parts) {
		v++
	}
	return v
}

func sumTo(n uint64) uint64 {
	if n%2 == 1 {
		return n * ((n + 1) / 2)
	}
	return n / 2 * (n + 1)
}

func sumOfShares(n uint64, parts int) (sum uint64) {
	for i := 0; i < parts; i++ {
		sum += sumTo(share(n, parts, i))
	}
	return
}

func workSteps(x uint64, steps int) uint64 {
	for i := 0; i < steps; i++ {
		x = (x ^ x>>29) * 6364136223846793005
	}
	return x
}

// team starts goroutines that wait at a start line, and waits for groups of them.
type team struct {
	ready sync.WaitGroup
	start chan struct{}
}

func newTeam() *team { return &team{start: make(chan struct{})} }

func (t *team) add(group *sync.WaitGroup, fn func()) {
	t.ready.Add(1)
	group.Add(1)
	go func() {
		t.ready.Done()
		<-t.start
		fn()
		group.Done()
	}()
}

func (t *team) run() *meter {
	t.ready.Wait()
	m := startMeter()
	close(t.start)
	return m
}

// lane is what one receiver finds; a cache line or more of its own.
type lane struct {
	count, sum, sink uint64
	longest          int64
	hist             [8 * 64]uint32
	_                [64]byte
}

// ---- p senders, c receivers; elements of several sizes ----

type word struct{ v [1]uint64 }
type e64 struct{ v [8]uint64 }
type e256 struct{ v [32]uint64 }
type e4096 struct{ v [512]uint64 }

type elem interface {
	word | e64 | e256 | e4096
}

func runTp[E elem](s *spec, send func(ch chan E, n uint64, work int),
	recv func(chan E, *lane, int)) {
	ch := make(chan E, s.i("cap"))
	p, c, work := s.i("p"), s.i("c"), s.i("work")
	lanes := make([]lane, c)
	t := newTeam()
	var senders, receivers sync.WaitGroup
	for i := 0; i < c; i++ {
		l := &lanes[i]
		t.add(&receivers, func() { recv(ch, l, work) })
	}
	for i := 0; i < p; i++ {
		n := share(s.n(), p, i)
		t.add(&senders, func() { send(ch, n, work) })
	}
	m := t.run()
	senders.Wait()
	close(ch)
	receivers.Wait()
	m.stop()
	var count, sum uint64
	for i := range lanes {
		count += lanes[i].count
		sum += lanes[i].sum
	}
	report(s, m, count, s.n(), sum, sumOfShares(s.n(), p))
}

func sendWords(ch chan word, n uint64, work int) {
	if work == 0 {
		for i := uint64(1); i <= n; i++ {
			ch <- word{[1]uint64{i}}
		}
		return
	}
	x := uint64(1)
	for i := uint64(1); i <= n; i++ {
		x = workSteps(x, work)
		ch <- word{[1]uint64{i}}
	}
	sink.Add(x)
}

func recvWords(ch chan word, l *lane, work int) {
	var count, sum uint64
	x := uint64(1)
	for e := range ch {
		if work > 0 {
			x = workSteps(x, work)
		}
		sum += e.v[0]
		count++
	}
	l.count, l.sum, l.sink = count, sum, x
}

func send64(ch chan e64, n uint64, work int) {
	var e e64
	for i := uint64(1); i <= n; i++ {
		e.v[0], e.v[7] = i, i
		ch <- e
	}
}

func recv64(ch chan e64, l *lane, work int) {
	for e := range ch {
		l.note(e.v[0], e.v[7])
	}
}

func send256(ch chan e256, n uint64, work int) {
	var e e256
	for i := uint64(1); i <= n; i++ {
		e.v[0], e.v[31] = i, i
		ch <- e
	}
}

func recv256(ch chan e256, l *lane, work int) {
	for e := range ch {
		l.note(e.v[0], e.v[31])
	}
}

func send4096(ch chan e4096, n uint64, work int) {
	var e e4096
	for i := uint64(1); i <= n; i++ {
		e.v[0], e.v[511] = i, i
		ch <- e
	}
}

func recv4096(ch chan e4096, l *lane, work int) {
	for e := range ch {
		l.note(e.v[0], e.v[511])
	}
}

func (l *lane) note(first, last uint64) {
	if first != last {
		first = ^first
	}
	l.sum += first
	l.count++
}

var sink atomic.Uint64

func tp(s *spec) {
	switch s.i("size") {
	case 8:
		runTp(s, sendWords, recvWords)
	case 64:
		runTp(s, send64, recv64)
	case 256:
		runTp(s, send256, recv256)
	case 4096:
		runTp(s, send4096, recv4096)
	default:
		unsupported(s, "no-such-size")
	}
}

// ---- one goroutine; there and back; a row of stages; the sieve ----

func pair(s *spec) {
	ch := make(chan uint64, s.i("cap"))
	n, sum, count := s.n(), uint64(0), uint64(0)
	m := startMeter()
	for i := uint64(1); i <= n; i++ {
		ch <- i
		sum += <-ch
		count++
	}
	m.stop()
	report(s, m, count, n, sum, sumTo(n))
}

func pp(s *spec) {
	there, back := make(chan uint64, s.i("cap")), make(chan uint64, s.i("cap"))
	var echo sync.WaitGroup
	t := newTeam()
	t.add(&echo, func() {
		for v := range there {
			back <- v
		}
	})
	n, sum, count := s.n(), uint64(0), uint64(0)
	m := t.run()
	for i := uint64(1); i <= n; i++ {
		there <- i
		sum += <-back
		count++
	}
	m.stop()
	close(there)
	echo.Wait()
	report(s, m, count, n, sum, sumTo(n))
}

func pipe(s *spec) {
	k, n := s.i("k"), s.n()
	chans := make([]chan uint64, k-1)
	for i := range chans {
		chans[i] = make(chan uint64, s.i("cap"))
	}
	var all sync.WaitGroup
	var l lane
	t := newTeam()
	t.add(&all, func() {
		for i := uint64(1); i <= n; i++ {
			chans[0] <- i
		}
		close(chans[0])
	})
	for i := 1; i < k-1; i++ {
		in, out := chans[i-1], chans[i]
		t.add(&all, func() {
			for v := range in {
				out <- v + 1
			}
			close(out)
		})
	}
	t.add(&all, func() {
		var sum, count uint64
		for v := range chans[k-2] {
			sum += v
			count++
		}
		l.sum, l.count = sum, count
	})
	m := t.run()
	all.Wait()
	m.stop()
	report(s, m, l.count, n, l.sum, sumTo(n)+n*uint64(k-2))
}

func sieveOnce(limit uint64, capacity int) (found, sum uint64) {
	ch := make(chan uint64, capacity)
	go func(out chan uint64) {
		for i := uint64(2); i < limit; i++ {
			out <- i
		}
		close(out)
	}(ch)
	for {
		prime, open := <-ch
		if !open {
			return
		}
		found++
		sum += prime
		next := make(chan uint64, capacity)
		go func(in, out chan uint64) {
			for v := range in {
				if v%prime != 0 {
					out <- v
				}
			}
			close(out)
		}(ch, next)
		ch = next
	}
}

func sieve(s *spec) {
	limit, n := s.num["limit"], s.n()
	var found, sum, want, primes uint64
	m := startMeter()
	for i := uint64(0); i < n; i++ {
		f, v := sieveOnce(limit, s.i("cap"))
		found += f
		sum += v
	}
	m.stop()
	for i := uint64(2); i < limit; i++ {
		d := uint64(2)
		for d < i && i%d != 0 {
			d++
		}
		if d == i {
			want += i
			primes++
		}
	}
	report(s, m, found, primes*n, sum, want*n)
}

// ---- goroutines that sleep ----

func wake(s *spec) {
	there, back := make(chan uint64, s.i("cap")), make(chan time.Time, s.i("cap"))
	var echo sync.WaitGroup
	t := newTeam()
	t.add(&echo, func() {
		for range there {
			back <- time.Now()
		}
	})
	late := make([]int64, s.n())
	m := t.run()
	for i := range late {
		time.Sleep(500 * time.Microsecond)
		start := time.Now()
		there <- 1
		late[i] = int64((<-back).Sub(start))
	}
	m.stop()
	close(there)
	echo.Wait()
	sort.Slice(late, func(i, k int) bool { return late[i] < late[k] })
	s.also("p50", float64(late[len(late)/2]))
	s.also("p99", float64(late[len(late)*99/100]))
	report(s, m, uint64(len(late)), s.n(), 0, 0)
}

func idle(s *spec) {
	ch := make(chan uint64, s.i("cap"))
	var all sync.WaitGroup
	t := newTeam()
	for i := 0; i < s.i("t"); i++ {
		t.add(&all, func() {
			for range ch {
			}
		})
	}
	t.run()
	time.Sleep(100 * time.Millisecond)
	m := startMeter()
	time.Sleep(time.Duration(s.i("ms")) * time.Millisecond)
	m.stop()
	close(ch)
	all.Wait()
	report(s, m, 0, 0, 0, 0)
}

// ---- for a given time: who gets how much, and who waits how long ----

func (l *lane) op(start time.Time) time.Time {
	now := time.Now()
	ns := int64(now.Sub(start))
	if ns > l.longest {
		l.longest = ns
	}
	if ns < 8 {
		ns = 8
	}
	top := 63 - bits.LeadingZeros64(uint64(ns))
	l.hist[top*8+int(ns>>(top-3)&7)]++
	l.count++
	return now
}

func quantile(hist []uint64, q float64) float64 {
	var all, seen uint64
	for _, v := range hist {
		all += v
	}
	for i, v := range hist {
		seen += v
		if seen > 0 && float64(seen) >= q*float64(all) {
			return float64(uint64(1)<<(i/8)) * (1 + float64(i%8+1)/8)
		}
	}
	return 0
}

func (s *spec) fairSide(side string, lanes []lane) (all uint64) {
	least, longest, hist := ^uint64(0), int64(0), make([]uint64, 8*64)
	for i := range lanes {
		l := &lanes[i]
		all += l.count
		if l.count < least {
			least = l.count
		}
		if l.longest > longest {
			longest = l.longest
		}
		for k, v := range l.hist {
			hist[k] += uint64(v)
		}
	}
	s.also(side+"_share", float64(least)*float64(len(lanes))/float64(all))
	s.also(side+"_longest", float64(longest))
	s.also(side+"_p9999", quantile(hist, 0.9999))
	return
}

func fair(s *spec) {
	ch := make(chan uint64, s.i("cap"))
	sends, recvs := make([]lane, s.i("p")), make([]lane, s.i("c"))
	var over atomic.Bool
	var senders, receivers sync.WaitGroup
	t := newTeam()
	for i := range recvs {
		l := &recvs[i]
		t.add(&receivers, func() {
			for start := time.Now(); ; start = l.op(start) {
				v, open := <-ch
				if !open {
					return
				}
				l.sum += v
			}
		})
	}
	for i := range sends {
		l := &sends[i]
		t.add(&senders, func() {
			for start := time.Now(); !over.Load(); start = l.op(start) {
				ch <- 1
			}
		})
	}
	m := t.run()
	time.Sleep(time.Duration(s.i("ms")) * time.Millisecond)
	over.Store(true)
	senders.Wait()
	close(ch)
	receivers.Wait()
	m.stop()
	var sum uint64
	for i := range recvs {
		sum += recvs[i].sum
	}
	got, sent := s.fairSide("recv", recvs), s.fairSide("send", sends)
	s.num["n"] = sent
	report(s, m, got, sent, sum, sent)
}

// more holds the kinds of work for which a package is needed that may not be installed.
var more = map[string]func(*spec){}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "list" {
		fmt.Println("go")
		return
	}
	s := parse()
	kinds := map[string]func(*spec){"tp": tp, "pair": pair, "pp": pp, "pipe": pipe, "sieve": sieve,
		"lock": lock, "wake": wake, "idle": idle, "fair": fair, "sel": sel, "pool": pool,
		"wg": wg, "ctx": ctx, "barrier": barrier, "future": future, "breaker": breaker, "pmap": pmap,
		"csv": csv}
	run := kinds[s.kind]
	if run == nil {
		run = more[s.kind]
	}
	if run == nil {
		unsupported(s, "no-such-kind-of-work")
	}
	run(s)
}
