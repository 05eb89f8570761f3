#!/bin/sh
# SPDX-License-Identifier: MIT
# consume.sh KIND CMAKE CTEST CC SOURCE BUILD WORK CONFIG: one way to use libccp, from scratch.
set -eu
kind=$1 cmake=$2 ctest=$3 cc=$4 source=$5 build=$6 work=$7 config=$8
here=$source/tests/consumer
moved=$work/moved
dir=$work/$kind
rm -rf "$dir"
mkdir -p "$dir"

# configure SOURCE ARGUMENT...: configures and builds in $dir, quietly unless it fails.
configure() {
    project=$1
    shift
    {
        "$cmake" -S "$project" -B "$dir" -DCMAKE_C_COMPILER="$cc" \
            -DCMAKE_BUILD_TYPE="$config" "$@" &&
            "$cmake" --build "$dir"
    } >"$dir/log" 2>&1 || {
        cat "$dir/log"
        exit 1
    }
}

runs() { # PROGRAM: it must print the sums that the channels carried
    out=$("$1")
    [ "$out" = "sum 5050 tasks 100" ] || {
        echo "$1 printed '$out'"
        exit 1
    }
}

find_by_pkg_config() { # PREFIX
    command -v pkg-config >/dev/null || exit 77
    PKG_CONFIG_PATH=$(dirname "$(find "$1" -name ccp.pc)")
    export PKG_CONFIG_PATH
    LD_LIBRARY_PATH=$(pkg-config --variable=libdir ccp)
    export LD_LIBRARY_PATH
}

case $kind in
install)
    # To one place, then moved: nothing that is installed may know where it was.
    rm -rf "$moved"
    "$cmake" --install "$build" --config "$config" --prefix "$dir/first" >/dev/null
    if grep -rIl -e "$source" -e "$build" "$dir/first"; then
        echo "the files above name the source or build tree"
        exit 1
    fi
    mv "$dir/first" "$moved"
    ;;
package)
    configure "$here/package" -DCMAKE_PREFIX_PATH="$moved"
    runs "$dir/consumer"
    ;;
cxx)
    command -v c++ >/dev/null || exit 77
    configure "$here/cxx" -DCMAKE_PREFIX_PATH="$moved"
    runs "$dir/consumer"
    ;;
pkgconfig)
    find_by_pkg_config "$moved"
    # shellcheck disable=SC2046
    "$cc" -std=c11 "$here/consumer.c" $(pkg-config --cflags --libs ccp) -o "$dir/consumer"
    runs "$dir/consumer"
    version=$(pkg-config --modversion ccp)
    sed -n 's/^#define CCP_VERSION_[A-Z]* //p' "$source/include/ccp.h" | paste -sd. |
        grep -qx "$version" || {
        echo "ccp.pc is of version $version, ccp.h is not"
        exit 1
    }
    ;;
make)
    find_by_pkg_config "$moved"
    make=$(command -v gmake || command -v make) || exit 77
    "$make" -s -C "$dir" -f "$here/make/Makefile" CC="$cc"
    runs "$dir/consumer"
    ;;
shared)
    # Another build, installed and moved; by its package and by pkg-config, also where a static
    # library is wanted and there is none.
    "$cmake" -S "$source" -B "$dir/build" -DCMAKE_C_COMPILER="$cc" -DBUILD_SHARED_LIBS=ON \
        -DCCP_AMALGAMATED=ON -DCMAKE_BUILD_TYPE=Debug -DCCP_TESTS=OFF -DCCP_EXAMPLES=OFF \
        -DCCP_BENCH=OFF -DCCP_SIM=OFF >"$dir/log"
    "$cmake" --build "$dir/build" --target ccp >>"$dir/log"
    "$cmake" --install "$dir/build" --prefix "$dir/first" >>"$dir/log"
    mv "$dir/first" "$dir/moved"
    moved=$dir/moved
    library=$(find "$moved" -name libccp.so)
    version=$(sed -n 's/^#define CCP_VERSION_[A-Z]* //p' "$source/include/ccp.h" | paste -sd.)
    abi=$(printf '%s\n' "$version" | awk -F. '{ print $1 == 0 ? "0." $2 : $1 }')
    [ -f "$library.$version" ] && [ -L "$library.$abi" ] || {
        echo "not as they should be:"
        ls "$library"*
        exit 1
    }
    mkdir "$dir/by_cmake"
    build_dir=$dir
    dir=$dir/by_cmake
    configure "$here/package" -DCMAKE_PREFIX_PATH="$moved"
    runs "$dir/consumer"
    dir=$build_dir
    find_by_pkg_config "$moved"
    # shellcheck disable=SC2046
    "$cc" -std=c11 "$here/consumer.c" $(pkg-config --cflags --libs ccp) -o "$dir/consumer"
    runs "$dir/consumer"
    if env -u LD_LIBRARY_PATH "$dir/consumer" >/dev/null 2>&1; then
        echo "runs without the shared library"
        exit 1
    fi
    ;;
amalgamation)
    python=$(command -v python3) || exit 77
    "$python" "$source/cmake/amalgamate.py" "$dir"
    "$cc" -std=c11 -I"$dir" "$here/consumer.c" "$dir/ccp.c" -pthread -o "$dir/consumer"
    runs "$dir/consumer"
    ;;
fetch)
    configure "$here/fetch" -DCCP_DIR="$source" -DCCP_AMALGAMATED=ON -DCMAKE_BUILD_TYPE=Debug
    runs "$dir/consumer"
    ;;
examples)
    # The examples are a project of their own: copied away, they build with the installed libccp.
    cp -R "$source/examples" "$dir/src"
    "$cmake" -S "$dir/src" -B "$dir/build" -DCMAKE_PREFIX_PATH="$moved" >"$dir/log" 2>&1 &&
        "$cmake" --build "$dir/build" >>"$dir/log" 2>&1 || {
        cat "$dir/log"
        exit 1
    }
    "$ctest" --test-dir "$dir/build" -N | grep -q 'Total Tests: [1-9]' || {
        echo "no example has a test"
        exit 1
    }
    ;;
version)
    # A version that is not the installed one must be refused.
    cat >"$dir/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.16)
project(version LANGUAGES C)
find_package(ccp 99.0 QUIET)
if(ccp_FOUND)
    message(FATAL_ERROR "version 99.0 was found")
endif()
find_package(ccp REQUIRED)
END
    "$cmake" -S "$dir" -B "$dir/build" -DCMAKE_PREFIX_PATH="$moved" >/dev/null
    ;;
subproject | subproject_shared)
    # The shared one as one file, which takes a fifth of the time.
    more=
    [ "$kind" = subproject ] ||
        more="-DBUILD_SHARED_LIBS=ON -DCCP_AMALGAMATED=ON -DCMAKE_BUILD_TYPE=Debug"
    # shellcheck disable=SC2086
    configure "$here/subproject" -DCCP_DIR="$source" $more
    runs "$dir/consumer"
    # A guest builds the library and nothing else, and adds no rule of its own to the host.
    "$cmake" --build "$dir" --target help >"$dir/targets"
    if grep -E 'checked|example|unit|bench' "$dir/targets"; then
        echo "as a subproject libccp has the targets above"
        exit 1
    fi
    if grep -q ccp.h "$dir"/cmake_install.cmake "$dir"/ccp/cmake_install.cmake; then
        echo "as a subproject libccp installs itself"
        exit 1
    fi
    ;;
*)
    echo "no such consumer: $kind"
    exit 2
    ;;
esac
