#!/bin/bash
# Runs a command with a throw-away PostgreSQL: `tests/with-postgres.sh cargo test`.
# The cluster lives in a temporary folder, listens on a Unix socket in it and on nothing else, and is gone afterwards.
# YUNFA_TEST_POSTGRES tells the command where it is, YUNFA_TEST_POSTGRES_CTL how to stop and start it. fsync is off: tests check what is written, not the disk; with
# `--durable` before the command it is on, as a server in earnest insists.
set -euo pipefail

durability=$'fsync = off\nsynchronous_commit = off\nfull_page_writes = off'
if [ "${1:-}" = --durable ]; then
    durability=""
    shift
fi

if [ $# -eq 0 ]; then
    echo "usage: tests/with-postgres.sh [--durable] COMMAND [ARGUMENT…]" >&2
    exit 2
fi

bin=""
for candidate in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV) "$(dirname "$(command -v initdb || true)")"; do
    if [ -x "$candidate/initdb" ] && [ -x "$candidate/pg_ctl" ]; then
        bin="$candidate"
        break
    fi
done
if [ -z "$bin" ]; then
    echo "with-postgres: there is no PostgreSQL here; on Debian: apt-get install postgresql" >&2
    exit 1
fi

# PostgreSQL refuses to run as root.
as_owner=()
if [ "$(id -u)" -eq 0 ]; then
    as_owner=(setpriv --reuid=postgres --regid=postgres --clear-groups --reset-env)
fi

folder="$(mktemp -d /tmp/yunfa-postgres.XXXXXX)"
stop() {
    "${as_owner[@]}" "$bin/pg_ctl" -D "$folder/data" -m immediate -w -s stop >/dev/null 2>&1 || true
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ "$(id -u)" -eq 0 ]; then
    chown postgres:postgres "$folder"
fi
chmod 700 "$folder"
"${as_owner[@]}" "$bin/initdb" -D "$folder/data" -U yunfa -A trust -E UTF8 --locale=C -N >"$folder/initdb.log" 2>&1 || {
    cat "$folder/initdb.log" >&2
    exit 1
}
# The options are kept in a file so that a test may stop the cluster and start it again.
cat >>"$folder/data/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$folder'
max_connections = 200
shared_buffers = 64MB
$durability
CONF
control=("${as_owner[@]}" "$bin/pg_ctl" -D "$folder/data" -w -s -l "$folder/log")
"${control[@]}" start || {
    cat "$folder/log" >&2
    exit 1
}

# The socket's folder stands percent-encoded where a URL has its host.
export YUNFA_TEST_POSTGRES_CTL="${control[*]}"
export YUNFA_TEST_POSTGRES="postgres://yunfa@${folder//\//%2F}/postgres"
# Not exec: the cluster must be stopped afterwards, whatever comes of the command.
status=0
"$@" || status=$?
exit "$status"
