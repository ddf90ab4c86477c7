// Firefox offers no loopback address, and none without a default route, so its calls run where there are both: in a
// network namespace of their own, which ends with the process that it was made for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInside } from './lib/namespace.js'

const ADDRESS = '10.9.9.9'
const SET_UP = `
  ip link set lo up
  ip link add yunfa0 type veth peer name yunfa1
  ip addr add ${ADDRESS}/24 dev yunfa0
  ip link set yunfa1 up
  ip link set yunfa0 up
  ip route add default dev yunfa0
  exec "$@"`

test('Firefox and Chromium meet in a network namespace', async t => {
  const said = await runInside(t, 'firefox.js', SET_UP, { YUNFA_TEST_ADDRESS: ADDRESS })
  if (said) assert.match(said, /# pass 2\n/, 'both calls were held')
})
