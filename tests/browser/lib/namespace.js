// Tests that run in a network namespace of their own, which ends with the process that it was made for.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const ROOT = process.getuid() === 0
const UNSHARE = ['--net', '--', 'sh', '-ec']

/** Runs the tests of a file in `inside/`, where the script `setUp` has made the networks and ends with `"$@"`; answers with what they said. */
export async function runInside(t, file, setUp, own = {}) {
  const enter = [...(ROOT ? [] : ['--map-root-user']), ...UNSHARE, setUp, 'sh']
  const tried = spawnSync('unshare', [...enter, 'true'], { encoding: 'utf8' })
  // Root is expected to be able to; somebody else may be forbidden to, and is told.
  if (!ROOT && tried.status !== 0) return t.skip(`no network namespace: ${tried.stderr}`)
  assert.equal(tried.status, 0, `no network namespace: ${tried.stderr ?? tried.error}`)

  const inside = fileURLToPath(new URL(`../inside/${file}`, import.meta.url))
  const { NODE_TEST_CONTEXT, ...env } = process.env
  const command = [...enter, process.execPath, '--test', '--test-reporter=tap', inside]
  const child = spawn('unshare', command, { env: { ...env, ...own } })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => {
    said += chunk
  })
  const code = await new Promise(done => child.on('close', done))

  console.log(said)
  assert.equal(code, 0, said)
  return said
}
