# SPDX-License-Identifier: MIT
# What each build of the library needs.
include(CheckCSourceCompiles)

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# Some machines do atomics of some widths by calls into libatomic.
set(atomics_program [[
#include <stdatomic.h>
#include <stdint.h>
static _Atomic uint64_t w64;
static _Atomic uint32_t w32;
static _Atomic uint8_t w8;
int main(int argc, char **argv)
{
    (void)argv;
    uint64_t e64 = 0;
    uint8_t e8 = 0;
    atomic_fetch_add(&w64, (uint64_t)argc);
    atomic_fetch_or(&w32, 1);
    atomic_fetch_or(&w8, 1);
    return atomic_compare_exchange_strong(&w64, &e64, 3) +
           atomic_compare_exchange_strong(&w8, &e8, 1) + (int)atomic_exchange(&w32, 0);
}
]])
check_c_source_compiles("${atomics_program}" CCP_ATOMICS_BUILTIN)
if(NOT CCP_ATOMICS_BUILTIN)
    set(CMAKE_REQUIRED_LIBRARIES atomic)
    check_c_source_compiles("${atomics_program}" CCP_ATOMICS_LIBATOMIC)
    unset(CMAKE_REQUIRED_LIBRARIES)
    if(NOT CCP_ATOMICS_LIBATOMIC)
        message(FATAL_ERROR "the compiler has no C11 atomics of 8 to 64 bits")
    endif()
endif()

set(CCP_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes
                 -Wpointer-arith -Wwrite-strings)
if(CCP_WERROR)
    list(APPEND CCP_WARNINGS -Werror)
endif()

# What the sanitizers need, in the library and in what links it from this build.
set(CCP_INSTRUMENT "")
if(CCP_SANITIZE)
    string(REPLACE ";" "," ccp_sanitizers "${CCP_SANITIZE}")
    list(APPEND CCP_INSTRUMENT -fsanitize=${ccp_sanitizers} -fno-sanitize-recover=all)
endif()
# For coverage the library alone is counted, each line as it stands; what links it needs --coverage.
set(CCP_COUNTED "")
if(CCP_COVERAGE)
    # Counters of threads must not overwrite each other.
    set(CCP_COUNTED --coverage -fprofile-update=atomic -O0)
endif()

# ccp_amalgamate(target directory [WITHOUT file...]): a target that writes all of the library, but
# for those files, as directory/ccp.c and ccp.h.
function(ccp_amalgamate target directory)
    cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "WITHOUT")
    find_package(Python3 COMPONENTS Interpreter REQUIRED)
    set(options "")
    foreach(file IN LISTS arg_WITHOUT)
        list(APPEND options --without ${file})
    endforeach()
    file(GLOB inputs CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*/*.[ch])
    add_custom_command(
        OUTPUT ${directory}/ccp.c ${directory}/ccp.h
        COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/cmake/amalgamate.py ${options}
                ${directory}
        DEPENDS ${PROJECT_SOURCE_DIR}/cmake/amalgamate.py ${PROJECT_SOURCE_DIR}/include/ccp.h
                ${PROJECT_SOURCE_DIR}/src/sources.cmake ${inputs}
        VERBATIM)
    add_custom_target(${target} DEPENDS ${directory}/ccp.c)
endfunction()

# ccp_library(target [source...]): of these sources, of which those with relative names are in src/;
# without any, of all of the library.
function(ccp_library target)
    set(sources ${ARGN})
    if(CCP_AMALGAMATED)
        if(NOT sources)
            set(sources ${PROJECT_BINARY_DIR}/amalgamation/ccp.c)
            add_dependencies(${target} amalgamation)
        endif()
        string(TOUPPER "CCP_PARK_${CCP_PARK};CCP_EVENT_${CCP_EVENT}" choice)
        target_compile_definitions(${target} PRIVATE ${choice})
    elseif(NOT sources)
        set(sources ${CCP_SOURCES})
    endif()
    foreach(source IN LISTS sources)
        get_filename_component(source ${source} ABSOLUTE BASE_DIR ${PROJECT_SOURCE_DIR}/src)
        target_sources(${target} PRIVATE ${source})
    endforeach()
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src)
    target_compile_options(${target} PRIVATE ${CCP_WARNINGS})
    target_link_libraries(${target} PUBLIC Threads::Threads)
    if(NOT CCP_ATOMICS_BUILTIN)
        target_link_libraries(${target} PUBLIC atomic)
    endif()
    if(CCP_INSTRUMENT)
        target_compile_options(${target} PUBLIC "$<BUILD_INTERFACE:${CCP_INSTRUMENT}>")
        target_link_options(${target} PUBLIC "$<BUILD_INTERFACE:${CCP_INSTRUMENT}>")
    endif()
    if(CCP_COVERAGE)
        target_compile_options(${target} PRIVATE ${CCP_COUNTED})
        target_link_options(${target} PUBLIC "$<BUILD_INTERFACE:--coverage>")
    endif()
    if(CCP_SANITIZE)
        target_compile_options(${target} PUBLIC "$<BUILD_INTERFACE:-fno-omit-frame-pointer;-g>")
    endif()
    # Each source asks for what it needs beyond C11 by a feature macro of its own.
    set_target_properties(
        ${target}
        PROPERTIES C_STANDARD 11
                   C_STANDARD_REQUIRED ON
                   C_EXTENSIONS OFF
                   C_VISIBILITY_PRESET hidden
                   POSITION_INDEPENDENT_CODE ON)
endfunction()

# ccp_version_symbols(target): a shared library exports what begins with ccp_, by the version
# CCP_ABI, where the linker knows of versions.
file(WRITE ${PROJECT_BINARY_DIR}/probe.map "CCP { global: ccp_*; local: *; };\n")
set(CMAKE_REQUIRED_LINK_OPTIONS "-shared;-Wl,--version-script=${PROJECT_BINARY_DIR}/probe.map")
set(CMAKE_REQUIRED_FLAGS -fPIC)
check_c_source_compiles("int ccp_probe(void); int ccp_probe(void) { return 0; }"
                        CCP_SYMBOL_VERSIONS)
unset(CMAKE_REQUIRED_LINK_OPTIONS)
unset(CMAKE_REQUIRED_FLAGS)

function(ccp_version_symbols target)
    get_target_property(kind ${target} TYPE)
    if(NOT kind STREQUAL "SHARED_LIBRARY" OR NOT CCP_SYMBOL_VERSIONS)
        return()
    endif()
    set(map ${PROJECT_BINARY_DIR}/ccp.map)
    configure_file(${PROJECT_SOURCE_DIR}/cmake/ccp.map.in ${map} @ONLY)
    target_link_options(${target} PRIVATE -Wl,--version-script=${map})
    set_target_properties(${target} PROPERTIES LINK_DEPENDS ${map})
endfunction()
