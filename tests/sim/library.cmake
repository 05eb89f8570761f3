# SPDX-License-Identifier: MIT
# The explorer, the library as it sees it, and both together for the tests of others: ccp_sim.
if(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux" OR CCP_SANITIZE OR
   NOT CMAKE_C_COMPILER_ID MATCHES "GNU|Clang")
    message(STATUS "ccp_sim, tests/sim: left out (need Linux, gcc or clang, and no sanitizer)")
    return()
endif()

set(sim_flags -g -O2 -fno-pie -fno-omit-frame-pointer -fno-optimize-sibling-calls)
set(sim_includes ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src
                 ${CMAKE_CURRENT_SOURCE_DIR})

# The explorer.  What takes the place of base/lock.c and base/park_*.c comes last, so that a program
# can bring the library's own instead.
add_library(ccp_explorer STATIC EXCLUDE_FROM_ALL
            atomics.c heap.c hooks.c knobs.c lin.c lin_models.c memory.c outcomes.c sched.c seam.c
            seam_local.c sleep.c switch.c sim_main.c trace.c tree.c seam_lock.c seam_pthread.c
            seam_word.c)
target_compile_options(ccp_explorer PRIVATE ${sim_flags} ${CCP_WARNINGS})
target_include_directories(ccp_explorer PUBLIC ${sim_includes})
set_target_properties(ccp_explorer PROPERTIES C_STANDARD 11 C_EXTENSIONS ON
                                              POSITION_INDEPENDENT_CODE OFF)

# The library, unmodified, with the compiler's instrumentation, without what the explorer replaces.
function(ccp_sim_objects target)
    target_compile_options(${target} PRIVATE ${sim_flags} -fsanitize=thread
                           $<$<C_COMPILER_ID:GNU>:-Wno-builtin-declaration-mismatch>)
    target_compile_definitions(${target} PRIVATE CCPI_CHECKED=1)
    target_include_directories(${target} PRIVATE ${sim_includes})
    set_target_properties(${target} PROPERTIES C_STANDARD 11 C_EXTENSIONS ON
                                               POSITION_INDEPENDENT_CODE OFF)
endfunction()

set(sim_sources ${CCP_SOURCES})
list(FILTER sim_sources EXCLUDE REGEX
     "^base/(clock|cpus?|event_.*|fence|fork|local|lock|mem|park_.*|self|tasks|thread)[.]c$")
list(TRANSFORM sim_sources PREPEND ${PROJECT_SOURCE_DIR}/src/)
add_library(ccp_sim_library STATIC EXCLUDE_FROM_ALL ${sim_sources} event.c)
# A broken invariant is a failure of the scenario: ccpi_check_failed() is the explorer's.
set_source_files_properties(${PROJECT_SOURCE_DIR}/src/base/check.c PROPERTIES COMPILE_OPTIONS
                                                                              -UCCPI_CHECKED)
ccp_sim_objects(ccp_sim_library)
if(CCP_COVERAGE)
    # A count is one instruction, which the explorer does not see.
    target_compile_options(ccp_sim_library PRIVATE --coverage -fprofile-update=atomic -O0)
    target_link_options(ccp_sim_library PUBLIC --coverage)
endif()

# For the tests of programs: what links with it is compiled and linked so that the explorer sees it.
set(ccp_sim_wraps
    malloc calloc free realloc aligned_alloc posix_memalign
    pthread_create pthread_join pthread_detach pthread_self sched_yield
    pthread_mutex_init pthread_mutex_destroy pthread_mutex_lock pthread_mutex_trylock
    pthread_mutex_unlock pthread_cond_init pthread_cond_destroy pthread_cond_wait
    pthread_cond_timedwait pthread_cond_clockwait pthread_cond_signal pthread_cond_broadcast
    clock_gettime gettimeofday time nanosleep clock_nanosleep usleep sleep
    pthread_rwlock_rdlock pthread_rwlock_wrlock pthread_mutex_timedlock pthread_barrier_wait
    pthread_spin_lock pthread_once pthread_exit pthread_cancel pthread_getspecific
    pthread_setspecific sem_wait sem_timedwait thrd_create mtx_lock cnd_wait fork)
add_library(ccp_sim_front OBJECT EXCLUDE_FROM_ALL ccp_sim.c wrap.c wrap_not.c)
target_compile_options(ccp_sim_front PRIVATE ${sim_flags} ${CCP_WARNINGS})
target_include_directories(ccp_sim_front PRIVATE ${sim_includes})
set_target_properties(ccp_sim_front PROPERTIES C_STANDARD 11 C_EXTENSIONS ON
                                               POSITION_INDEPENDENT_CODE OFF)
# One object, whose inner names are nobody else's.
set(sim_object ${CMAKE_CURRENT_BINARY_DIR}/ccp_sim.o)
add_custom_command(
    OUTPUT ${sim_object}
    COMMAND ${CMAKE_C_COMPILER} -r -nostdlib -no-pie -o ${sim_object}
            $<TARGET_OBJECTS:ccp_sim_front> $<TARGET_OBJECTS:ccp_explorer>
            $<TARGET_OBJECTS:ccp_sim_library>
    COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=ccp_* --keep-global-symbol=__wrap_*
            --keep-global-symbol=__tsan_* ${sim_object}
    DEPENDS ccp_sim_front ccp_explorer ccp_sim_library $<TARGET_OBJECTS:ccp_sim_front>
    COMMAND_EXPAND_LISTS VERBATIM)
set_source_files_properties(${sim_object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
if(CCP_COVERAGE)
    return() # nobody counts there
endif()
add_library(ccp_sim STATIC ${sim_object})
add_library(ccp::ccp_sim ALIAS ccp_sim)
set_target_properties(ccp_sim PROPERTIES LINKER_LANGUAGE C)
target_include_directories(ccp_sim INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                             $<INSTALL_INTERFACE:include>)
target_compile_options(ccp_sim INTERFACE -g -fno-pie -fno-omit-frame-pointer -fsanitize=thread)
target_link_options(ccp_sim INTERFACE -no-pie)
foreach(name IN LISTS ccp_sim_wraps)
    target_link_options(ccp_sim INTERFACE LINKER:--wrap=${name})
endforeach()
