# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Sourced by the stages in this directory, which have set $top, the source tree, and $work.

# need PROGRAM...: skips the stage without them.
need() {
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || {
            echo "$program is not installed"
            exit 77
        }
    done
}

# copy_tree DIRECTORY: what git knows of the source tree, as it is now.
copy_tree() {
    mkdir -p "$1"
    (cd "$top" && git ls-files -z --cached --others --exclude-standard |
        tar --null --ignore-failed-read -T - -cf -) | tar -xf - -C "$1"
}

need_chroot() {
    need debootstrap chroot
    [ "$(id -u)" -eq 0 ] || {
        echo "needs root"
        exit 77
    }
}

# new_chroot DIRECTORY [PACKAGE,...]: an empty Debian 12 with these packages.
new_chroot() {
    debootstrap --variant=minbase ${2:+"--include=$2"} bookworm "$1" \
        "${CCP_DEBIAN_MIRROR:-http://deb.debian.org/debian}"
    cp /etc/resolv.conf "$1/etc/resolv.conf"
}

# in_chroot DIRECTORY COMMAND...: with nothing of this environment but the proxy.
in_chroot() {
    local root=$1
    shift
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive \
        ${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} \
        chroot "$root" "$@"
}
