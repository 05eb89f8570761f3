# SPDX-License-Identifier: MIT
# Contexts, wait groups, pools, selects and timers.  What makes channels is wrapped (scene.c).
function(ccp_sim_scenes name)
    ccp_sim_program(${name} ${ARGN} scene.c)
    target_link_options(sim_${name} PRIVATE -Wl,--wrap=ccp_chan_make -Wl,--wrap=ccpi_chan_alloc)
endfunction()

ccp_sim_scenes(ctx ctx_scenarios.c)
ccp_sim_test(ctx 300 ctx --summary [!lt]*)
ccp_sim_test(ctx_late 600 ctx --summary late*)
ccp_sim_test(ctx_triples 600 ctx --summary triple*)
ccp_sim_test(ctx_weak 300 ctx --summary --mode pct --weak --n 40 chain* late_child.plain* hand*)
