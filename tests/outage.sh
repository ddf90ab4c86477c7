#!/bin/bash
# Stops PostgreSQL for a minute under calls: no call drops, and every record is what the callers saw.
# Run it by `tests/with-postgres.sh --durable tests/outage.sh SERVER LOADTEST`; AWAY says for how many seconds.
set -euo pipefail

server="$1" loadtest="$2" away="${AWAY:-60}"
folder="$(mktemp -d /tmp/yunfa-outage.XXXXXX)"
stop() {
    kill -INT "$pid" 2>/dev/null && wait "$pid" || true
    rm -rf "$folder"
}
trap stop EXIT

YUNFA_DATABASE_URL="$YUNFA_TEST_POSTGRES" "$server" serve --demo --data "$folder/data" --set http.listen=127.0.0.1:0 \
    --set tls.listen=off --set media.udp_port=0 --set media.public_addresses=127.0.0.1 --set shutdown.calls_seconds=1 \
    >"$folder/said" 2>"$folder/log" &
pid=$!
for _ in $(seq 100); do [ -s "$folder/data/demo.json" ] && break; sleep 0.1; done
url="$(sed -n 's/.*"citizen": *"\([^"]*\)".*/\1/p' "$folder/data/demo.json")"

(
    sleep 10
    $YUNFA_TEST_POSTGRES_CTL -m immediate stop >/dev/null
    echo "PostgreSQL is stopped"
    sleep "$away"
    echo "readyz meanwhile: $(curl -s -o /dev/null -w '%{http_code}' "${url%/}/readyz"); in the journal: $(stat -c %s "$folder/data/facts.journal") bytes"
    $YUNFA_TEST_POSTGRES_CTL start >/dev/null
    echo "PostgreSQL runs again"
) &
"$loadtest" pairs --n 8 --seconds $((away + 20)) --channel voice --server "$url" --demo-file "$folder/data/demo.json"
wait %2
grep -c "the database is back" "$folder/log"
