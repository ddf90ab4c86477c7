// A citizen with two ways into the network, as a phone has Wi-Fi and 4G: each of server, citizen and lawyer sits in a
// namespace of its own, which ends with the process that it was made for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInside } from './lib/namespace.js'

/** The server at 10.8.0.1; the citizen behind `way1` and `way2`, the lawyer behind `way3`. */
const SET_UP = `
  ip link set lo up
  ip addr add 10.8.0.1/32 dev lo
  own=$(readlink /proc/self/ns/net)
  trap 'kill $citizen $lawyer 2>/dev/null' EXIT
  unshare --net -- sleep 3600 & citizen=$!
  unshare --net -- sleep 3600 & lawyer=$!
  for other in $citizen $lawyer; do
    while [ "$(readlink /proc/$other/ns/net)" = "$own" ]; do sleep 0.05; done
    nsenter -t $other -n ip link set lo up
    # Who asks for the gateway of one network under an address of another, as Linux does by itself, gets no answer for seconds.
    nsenter -t $other -n sh -c 'echo 2 > /proc/sys/net/ipv4/conf/all/arp_announce'
  done
  for way in 1 2 3; do
    if [ $way = 3 ]; then other=$lawyer; else other=$citizen; fi
    ip link add server$way type veth peer name way$way netns $other
    ip addr add 10.8.$way.1/24 dev server$way
    ip link set server$way up
    # As in the world, what is sent by one network under the address of another does not arrive.
    echo 1 > /proc/sys/net/ipv4/conf/server$way/rp_filter
    # Whoever is asked at 10.8.0.1 answers from there.
    ip route replace 10.8.$way.0/24 dev server$way src 10.8.0.1
    nsenter -t $other -n ip addr add 10.8.$way.2/24 dev way$way
    nsenter -t $other -n ip link set way$way up
    nsenter -t $other -n ip route add default via 10.8.$way.1 metric 10$way
  done
  YUNFA_TEST_CITIZEN=$citizen YUNFA_TEST_LAWYER=$lawyer "$@"`

test('a citizen changes from one network to another', async t => {
  const said = await runInside(t, 'network.js', SET_UP)
  if (said) assert.match(said, /# fail 0\n/)
})
