// Firefox offers no loopback address, and none without a default route, so its calls run where there are both: in a
// network namespace of their own, which ends with the process that it was made for.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const ADDRESS = '10.9.9.9'
const INSIDE = fileURLToPath(new URL('./inside/firefox.js', import.meta.url))
const ROOT = process.getuid() === 0
const UNSHARE = ['unshare', ...(ROOT ? [] : ['--map-root-user']), '--net', '--', 'sh', '-ec']
const SET_UP = `
  ip link set lo up
  ip link add yunfa0 type veth peer name yunfa1
  ip addr add ${ADDRESS}/24 dev yunfa0
  ip link set yunfa1 up
  ip link set yunfa0 up
  ip route add default dev yunfa0
  exec "$@"`

test('Firefox and Chromium meet in a network namespace', async t => {
  const tried = enter('true')
  // Root is expected to be able to; somebody else may be forbidden to, and is told.
  if (!ROOT && tried.status !== 0) return t.skip(`no network namespace: ${tried.stderr}`)
  assert.equal(tried.status, 0, `no network namespace: ${tried.stderr ?? tried.error}`)

  const [command, ...given] = [...UNSHARE, SET_UP, 'sh', process.execPath, '--test', '--test-reporter=tap', INSIDE]
  const { NODE_TEST_CONTEXT, ...env } = process.env
  const child = spawn(command, given, { env: { ...env, YUNFA_TEST_ADDRESS: ADDRESS } })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => {
    said += chunk
  })
  const code = await new Promise(done => child.on('close', done))

  console.log(said)
  assert.equal(code, 0, said)
  assert.match(said, /# pass 2\n/, 'both calls were held')
})

function enter(...what) {
  const [command, ...given] = [...UNSHARE, SET_UP, 'sh', ...what]
  return spawnSync(command, given, { encoding: 'utf8' })
}
