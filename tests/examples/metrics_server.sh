#!/bin/sh
# SPDX-License-Identifier: MIT
# metrics_server.sh CASE SERVER SOURCE: tests of examples/metrics_server.c; curl is the client, and
# promtool, if there is one, says whether Prometheus would take it.
server=$2
command -v curl >/dev/null || exit 77
# shellcheck source=tests/examples/common.sh
. "$3/tests/examples/common.sh"
# shellcheck source=tests/examples/server.sh
. "$3/tests/examples/server.sh"
start "$server"

# value FAMILY: of the pool, as the server says it now.
value()
{
    curl -sf "${url}metrics" >text || fail "no metrics"
    sed -n "s/^$1{name=\"crew\",id=\"[0-9]*\"} //p" text
}

case_scraped()
{
    [ "$(value ccp_pool_workers)" = 4 ] || fail "not 4 workers: $(cat text)"
    before=$(value ccp_pool_tasks_total)
    until [ "$(value ccp_pool_tasks_total)" -gt "$before" ]; do :; done
    [ "$(grep -c '^# TYPE ccp_pool_tasks_total counter$' text)" = 1 ] || fail "$(cat text)"
    [ "$(value ccp_pool_run_duration_seconds_count)" -gt 0 ] || fail "$(cat text)"
    command -v promtool >/dev/null || return 0
    promtool check metrics <text >said 2>&1 || fail "$(cat said)"
}

case_healthy()
{
    curl -sf "${url}healthz" >said || fail "not healthy"
    grep -q '^tasks begin and end: [0-4] of 4 workers are busy, 0 of them stuck; [0-9]* wait$' \
        said || fail "$(cat said)"
    [ "$(curl -s -o said -w '%{http_code}' "${url}nowhere")" = 404 ] || fail "$(cat said)"
    [ "$(curl -s -o said -w '%{http_code}' -d x "${url}metrics")" = 405 ] || fail "$(cat said)"
}

case_stopped()
{
    stop
}

"case_$test_case"
