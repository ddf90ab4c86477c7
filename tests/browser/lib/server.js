// The real server with the demo county, on free ports and a data folder of its own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const BINARY = process.env.YUNFA ?? fileURLToPath(new URL('../../../target/debug/yunfa', import.meta.url))
/** Sixteen passwords are hashed at the first start, in an unoptimised build. */
const START_TIMEOUT_MS = 120_000
const STOP_TIMEOUT_MS = 30_000

/** Starts it; `settings` are `key=value` pairs. */
export async function startServer(settings = []) {
  const data = await mkdtemp(join(tmpdir(), 'yunfa-browser-'))
  const all = [
    'http.listen=127.0.0.1:0',
    'tls.listen=off',
    'media.udp_port=0',
    'limits.login_per_address=1000',
    'log.level=warn',
    ...settings,
  ]
  const child = spawn(BINARY, ['serve', '--demo', '--data', data, ...all.flatMap(one => ['--set', one])], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => lines.push(String(chunk)))
  let exited = null
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  child.on('exit', code => {
    exited = code ?? 'signal'
    process.off('exit', kill)
  })

  const demo = await waitForDemo(data, () => exited, lines)
  const url = new URL(demo.citizen).origin
  return {
    url,
    demo,
    log: () => lines.join(''),
    lawyer: user => demo.lawyers.find(one => one.user === user),
    staff: role => demo.staff.find(one => one.role === role),
    /** Somebody more of the bureau, as whoever runs the machine adds them: a lawyer, or a member of the office, who comes first then. */
    employ: async (user, name, role) => {
      const command = role ? ['add-staff', '--role', role] : ['add-lawyer']
      const told = spawn(BINARY, ['admin', ...command, '--user', user, '--name', name, '--data', data, '--set', 'log.level=warn'])
      told.stdin.end(`password of ${user}\n`)
      const [code] = await once(told, 'exit')
      if (code !== 0) throw new Error(`${user} was not added`)
      const list = role ? demo.staff : demo.lawyers
      list.unshift({ user, password: `password of ${user}`, name, role })
    },
    stop: async () => {
      if (exited === null) {
        child.kill('SIGINT')
        const gone = new Promise(done => child.once('exit', done))
        // Nobody waits for this timer once the server is gone: it must not keep the test process.
        await Promise.race([gone, pause(STOP_TIMEOUT_MS, undefined, { ref: false })])
        if (exited === null) child.kill('SIGKILL')
      }
      await rm(data, { recursive: true, force: true })
      return exited
    },
  }
}

async function waitForDemo(data, exited, lines) {
  const until = Date.now() + START_TIMEOUT_MS
  while (Date.now() < until) {
    if (exited() !== null) throw new Error(`the server ended with ${exited()}:\n${lines.join('')}`)
    try {
      const demo = JSON.parse(await readFile(join(data, 'demo.json'), 'utf8'))
      if ((await fetch(new URL('/readyz', demo.citizen))).ok) return demo
    } catch {
      // Not there yet, or not listening yet.
    }
    await pause(100)
  }
  throw new Error(`the server did not start:\n${lines.join('')}`)
}
