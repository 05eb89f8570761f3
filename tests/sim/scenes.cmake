# SPDX-License-Identifier: MIT
# Contexts, wait groups, pools, selects and timers.  What makes channels and
# threads is wrapped (scene.c).
function(ccp_sim_scenes name)
    ccp_sim_program(${name} ${ARGN} scene.c)
    target_link_options(sim_${name} PRIVATE
        LINKER:--wrap=ccp_chan_make,--wrap=ccpi_chan_alloc
        LINKER:--wrap=ccpi_thread_start,--wrap=ccpi_thread_join)
endfunction()

ccp_sim_scenes(ctx ctx_scenarios.c ctx_hand.c)
ccp_sim_test(ctx 300 ctx --summary [!lt]*)
ccp_sim_test(ctx_late 600 ctx --summary late*)
ccp_sim_test(ctx_triples 600 ctx --summary triple*)
ccp_sim_test(ctx_weak 300 ctx --summary --mode pct --weak --n 40 chain* late_child.plain* hand*)

# Names begin with `one` or `two` where only schedules with so many preemptions are tried.  Of those
# that take longest a part is run here (--slice); all of them, and more of their schedules, are the
# stage sim-few of tests/long.
ccp_sim_scenes(wg wg_scenarios.c)
ccp_sim_test(wg 600 wg --summary pair.* odd.*)
ccp_sim_test(wg_leaving 600 wg --summary frame.* heap.* go_fails.*)
ccp_sim_test(wg_few 600 wg --summary one* two*)
ccp_sim_test(wg_weak 600 wg --summary --mode pct --weak --n 2000 pair.[12].waiter.closes.*
             two.[12].waiter.closes.* frame* heap* go_fails*)

# `some`: at random.
ccp_sim_scenes(pool pool_scenarios.c pool_alone.c)
ccp_sim_test(pool 600 pool --summary pair.* two_* weak_*)
ccp_sim_test(pool_two 600 pool --summary --slice 1/8 two.*)
ccp_sim_test(pool_few 600 pool --summary --slice 1/8 one*)
ccp_sim_test(pool_random 600 pool --summary --n 50 some.*)
ccp_sim_test(pool_crowd 600 pool --summary some_* crowd*)
ccp_sim_test(pool_weak 600 pool --summary --mode pct --weak --n 100 *.workers?.queue?.idle.*
             two_start* crowd*.workers?.queue?.*)

# Looks at pools.
ccp_sim_scenes(stats stats_scenarios.c)
ccp_sim_test(stats 600 stats --summary)
ccp_sim_test(stats_weak 600 stats --summary --mode pct --weak --n 10)

# Pools that tune themselves.
ccp_sim_scenes(tune tune_scenarios.c)
ccp_sim_test(tune 600 tune --summary)

# Timer channels, and selects between timers, channels and contexts.
ccp_sim_scenes(timer timer_scenarios.c)
ccp_sim_test(timer 600 timer --summary pair*)
ccp_sim_test(timer_few 600 timer --summary --slice 1/8 one.* two.*)
ccp_sim_test(timer_random 600 timer --summary some.*)
ccp_sim_test(timer_weak 600 timer --summary --mode pct --weak --n 50 pair* one.* two.* some.*)

# Descriptors of channels, contexts and futures.
ccp_sim_scenes(fd fd_scenarios.c)
ccp_sim_test(fd 600 fd --summary pair* hand*)
ccp_sim_test(fd_few 600 fd --summary one*)
ccp_sim_test(fd_some 600 fd --summary some*)
ccp_sim_test(fd_weak 600 fd --summary --mode pct --weak --n 20 pair* one* hand*)

# Descriptors as cases of selects.
ccp_sim_scenes(fd_case fd_case_scenarios.c)
ccp_sim_test(fd_case 600 fd_case --summary pair*)
ccp_sim_test(fd_case_few 600 fd_case --summary one* two*)
ccp_sim_test(fd_case_weak 600 fd_case --summary --mode pct --weak --n 20 pair* one* two*)

# Barriers.
ccp_sim_scenes(barrier barrier_scenarios.c)
ccp_sim_test(barrier 600 barrier --summary pair* odd*)
ccp_sim_test(barrier_few 600 barrier --summary one* two*)
ccp_sim_test(barrier_some 600 barrier --summary some*)
ccp_sim_test(barrier_weak 600 barrier --summary --mode pct --weak --n 100 pair.*waiter* some_*)

# Phasers.
ccp_sim_scenes(phaser phaser_scenarios.c)
ccp_sim_test(phaser 600 phaser --summary pair* odd*)
ccp_sim_test(phaser_few 600 phaser --summary one* two*)
ccp_sim_test(phaser_some 600 phaser --summary some*)
ccp_sim_test(phaser_weak 600 phaser --summary --mode pct --weak --n 50 pair.of2*acts* some_*)

# Semaphores, mutexes and reader-writer locks, once.
ccp_sim_scenes(sem sem_scenarios.c)
ccp_sim_test(sem 600 sem --summary pair* odd* in_turn order leave*)
ccp_sim_test(sem_few 600 sem --summary --slice 1/2 two*)
ccp_sim_test(sem_weak 600 sem --summary --mode pct --weak --n 50 pair.[12].waits[12]* order
             leave*)
ccp_sim_scenes(mutex mutex_scenarios.c)
ccp_sim_test(mutex 600 mutex --summary pair* too_often* goes*)
ccp_sim_test(mutex_few 600 mutex --summary --slice 1/2 two*)
ccp_sim_test(mutex_weak 600 mutex --summary --mode pct --weak --n 50 pair.*waits1* two.*waits*
             goes*)
ccp_sim_scenes(once once_scenarios.c)
ccp_sim_test(once 600 once --summary pair* odd*)
ccp_sim_test(once_few 600 once --summary two*)
ccp_sim_test(once_weak 600 once --summary --mode pct --weak --n 50 pair* two*)

# Futures.
ccp_sim_scenes(future future_scenarios.c)
ccp_sim_test(future 600 future --summary pair* odd*)
ccp_sim_test(future_few 600 future --summary one* two*)
ccp_sim_test(future_weak 600 future --summary --mode pct --weak --n 20 pair* two*)

# Groups.  All schedules with one preemption, of every limit, take minutes: by hand.
ccp_sim_scenes(group group_scenarios.c)
ccp_sim_test(group 600 group --summary short* one.limit1.*)
ccp_sim_test(group_some 600 group --summary some*)

# Ranges in parallel.
ccp_sim_scenes(parallel parallel_scenarios.c)
ccp_sim_test(parallel 600 parallel --summary)

# Generators, fans, merges, pipelines.
ccp_sim_scenes(flow flow_scenarios.c)
ccp_sim_test(flow 600 flow --summary)

# Single-flight.
ccp_sim_scenes(flight flight_scenarios.c)
ccp_sim_test(flight 600 flight --summary pair* one* two*)
ccp_sim_test(flight_odd 600 flight --summary odd*)
ccp_sim_test(flight_some 600 flight --summary some*)
ccp_sim_test(flight_weak 600 flight --summary --mode pct --weak --n 50 pair.*owned*
             two.*owned* one*)

# Tasks with options.
ccp_sim_scenes(jobs jobs_scenarios.c)
ccp_sim_test(jobs 600 jobs --summary one* two*)
ccp_sim_test(jobs_random 600 jobs --summary --n 60 some* crowd*)
ccp_sim_test(jobs_weak 600 jobs --summary --mode pct --weak --n 20 crowd* two*)

# Timers that call functions.
ccp_sim_scenes(timers timers_scenarios.c)
ccp_sim_test(timers 600 timers --summary one* two* hand*)
ccp_sim_test(timers_random 600 timers --summary crowd*)
ccp_sim_test(timers_weak 600 timers --summary --mode pct --weak --n 200 crowd* two* hand*)

# Rate limiters.
ccp_sim_scenes(rate rate_scenarios.c)
ccp_sim_test(rate 600 rate --summary pair* then*)
ccp_sim_test(rate_few 600 rate --summary one*)
ccp_sim_test(rate_weak 600 rate --summary --mode pct --weak --n 200 pair.*set* pair.*cancel* then*
             one*)
ccp_sim_scenes(rate_map rate_map_scenarios.c)
ccp_sim_test(rate_map 600 rate_map --summary)
ccp_sim_scenes(window window_scenarios.c)
ccp_sim_test(window 600 window --summary pair* odd* in_turn)
ccp_sim_test(window_few 600 window --summary one*)
ccp_sim_test(window_weak 600 window --summary --mode pct --weak --n 50 pair* one.*waits[12]*)
ccp_sim_scenes(limiter limiter_scenarios.c)
ccp_sim_test(limiter 600 limiter --summary pair* odd*)
ccp_sim_test(limiter_few 600 limiter --summary one*)
ccp_sim_test(limiter_weak 600 limiter --summary --mode pct --weak --n 50 pair*)

# Circuit breakers, budgets of retries.
ccp_sim_scenes(breaker breaker_scenarios.c)
ccp_sim_test(breaker 600 breaker --summary pair* asks* budget*)
ccp_sim_test(breaker_few 600 breaker --summary one*)
ccp_sim_test(breaker_weak 600 breaker --summary --mode pct --weak --n 50 pair* asks* budget*)

ccp_sim_scenes(breaker_times breaker_times_scenarios.c)
ccp_sim_test(breaker_times 600 breaker_times --summary)

# What several retries count.
ccp_sim_scenes(retry retry_scenarios.c)
ccp_sim_test(retry_few 600 retry --summary one*)

# Batchers.
ccp_sim_scenes(batcher batcher_scenarios.c)
ccp_sim_test(batcher 600 batcher --summary one* two*)
ccp_sim_test(batcher_some 600 batcher --summary some*)
ccp_sim_test(batcher_weak 600 batcher --summary --mode pct --weak --n 200 one* two* some*)

# Dumps and checks for deadlocks.
ccp_sim_scenes(track track_scenarios.c)
ccp_sim_test(track 600 track --summary)
ccp_sim_test(track_weak 600 track --summary --mode pct --weak --n 20 some2*)
ccp_sim_scenes(track_kinds track_kinds_scenarios.c)
ccp_sim_test(track_kinds 600 track_kinds --summary)
ccp_sim_test(track_kinds_weak 600 track_kinds --summary --mode pct --weak --n 200)

# Forks.
ccp_sim_scenes(fork fork_scenarios.c)
ccp_sim_test(fork 600 fork --summary pair* respawn*)
ccp_sim_test(fork_few 600 fork --summary --slice 1/4 one*)
ccp_sim_test(fork_some 600 fork --summary some*)
ccp_sim_scenes(fork_queues fork_queues_scenarios.c)
ccp_sim_test(fork_queues 600 fork_queues --summary)

# Signals, with base/signal.c.
ccp_sim_scenes(signal signal_scenarios.c sim_signal.c)
ccp_sim_test(signal_few 600 signal --summary --slice 1/4 one*)
ccp_sim_test(signal_some 600 signal --summary some*)

# Shutdown.
ccp_sim_scenes(shutdown shutdown_scenarios.c)
ccp_sim_test(shutdown 600 shutdown --summary pair*)
ccp_sim_test(shutdown_some 600 shutdown --summary some*)

# Deques, seqlocks and counters without locks.
ccp_sim_scenes(deque deque_scenarios.c)
ccp_sim_test(deque 600 deque --summary pair*)
ccp_sim_test(deque_few 600 deque --summary two*)
ccp_sim_test(deque_some 600 deque --summary crowd*)
ccp_sim_test(deque_weak 600 deque --summary --mode pct --weak --n 500)
ccp_sim_scenes(seqlock seqlock_scenarios.c)
ccp_sim_test(seqlock 600 seqlock --summary pair*)
ccp_sim_test(seqlock_few 600 seqlock --summary one* two*)
ccp_sim_test(seqlock_weak 600 seqlock --summary --mode pct --weak --n 2000)
ccp_sim_scenes(counter counter_scenarios.c)
ccp_sim_test(counter 600 counter --summary pair*)
ccp_sim_test(counter_few 600 counter --summary one*)
ccp_sim_test(counter_weak 600 counter --summary --mode pct --weak --n 100)

# Read-copy-update.
ccp_sim_scenes(rcu rcu_scenarios.c)
ccp_sim_test(rcu 600 rcu --summary pair*)
ccp_sim_test(rcu_few 600 rcu --summary one* some*)
ccp_sim_test(rcu_three 600 rcu --summary --mode dfs --preemptions 3 one.*.most1.read_on+sync+sync)
ccp_sim_test(rcu_weak 600 rcu --summary --mode pct --weak --n 100 pair* one* some*)
ccp_sim_scenes(rcu_map rcu_map_scenarios.c)
ccp_sim_test(rcu_map 600 rcu_map --summary)
ccp_sim_test(rcu_map_weak 600 rcu_map --summary --mode pct --weak --n 200)

# Lock-free queues and the stack.
ccp_sim_scenes(spsc spsc_scenarios.c)
ccp_sim_test(spsc 600 spsc --summary)
ccp_sim_test(spsc_weak 600 spsc --summary --mode pct --weak --n 100 pair* some*)
ccp_sim_scenes(mpmc mpmc_scenarios.c)
ccp_sim_test(mpmc 600 mpmc --summary pair*)
ccp_sim_test(mpmc_few 600 mpmc --summary two* some*)
ccp_sim_test(mpmc_weak 600 mpmc --summary --mode pct --weak --n 100 pair* some*)
ccp_sim_scenes(mpsc mpsc_scenarios.c)
ccp_sim_test(mpsc 600 mpsc --summary pair*)
ccp_sim_test(mpsc_few 600 mpsc --summary two*)
ccp_sim_test(mpsc_weak 600 mpsc --summary --mode pct --weak --n 1000)
ccp_sim_scenes(stack stack_scenarios.c)
ccp_sim_test(stack 600 stack --summary pair*)
ccp_sim_test(stack_few 600 stack --summary two*)
ccp_sim_test(stack_weak 600 stack --summary --mode pct --weak --n 100)
