// A citizen whose network changes in the middle of a call. Runs inside the namespaces that
// `network.test.js` makes.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { startBrowser } from '../lib/browser.js'
import { call, chatBothWays, closeAll, closeQuietly, openCitizen, openDesk, reach, writeOutcome } from '../lib/people.js'
import { startServer } from '../lib/server.js'

const { YUNFA_TEST_CITIZEN: HOME, YUNFA_TEST_LAWYER: DESK } = process.env
const ADDRESS = '10.8.0.1'
const PORT = 22443
/** The socket is promised within 3 s, which the soak asks of it; here the page shares the machine with others. */
const SOCKET_BACK_MS = Number(process.env.YUNFA_TEST_SOCKET_BACK_MS ?? 20_000)
/** The server follows at once (media/tests/hostile.rs); Chromium itself gives a silent path up after 2.5 s and more. */
const MEDIA_BACK_MS = Number(process.env.YUNFA_TEST_MEDIA_BACK_MS ?? 20_000)
const ROUNDS = Number(process.env.YUNFA_TEST_ROUNDS ?? 2)

let folder
let server
let home
let desk
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'yunfa-network-'))
  server = await startServer([`media.public_addresses=${ADDRESS}`, `tls.listen=${ADDRESS}:${PORT}`])
  server.url = `https://${ADDRESS}:${PORT}`
  ;[home, desk] = await Promise.all([HOME, DESK].map(startIn))
})
afterEach(() => Promise.all([home, desk].map(closeAll)))
after(async () => {
  await Promise.all([home?.close(), desk?.close()])
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

test('the citizen goes from one network to another', async () => {
  const media = []
  const socket = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const { citizen, lawyer } = await begin()
    const at = Date.now()
    way(1, 'down')
    await citizen.waitForFunction(at => window.network.greeted.some(one => one.at > at && one.type === 'resumed'), at)
    await citizen.waitForFunction(at => window.network.arrivals.filter(one => one > at + 1_000).length > 20, at)
    const found = await since(citizen, at)
    media.push(found.silentMs)
    socket.push(found.resumedMs)
    await chatBothWays(citizen, lawyer)
    await end(citizen, lawyer)
    way(1, 'up')
  }
  console.log(`# media silent for ${middle(media)} ms (${media}), socket back after ${middle(socket)} ms (${socket})`)
  assert.ok(Math.max(...socket) <= SOCKET_BACK_MS, `the socket was away for ${socket} ms`)
  assert.ok(Math.max(...media) <= MEDIA_BACK_MS, `media was away for ${media} ms`)
})

async function begin() {
  const lawyer = await openDesk(desk, server)
  const citizen = await openCitizen(home, server, { init: watchNetwork })
  await call(citizen, 'voice')
  await lawyer.getByTestId('offer').waitFor()
  await lawyer.getByTestId('accept').click()
  await Promise.all([reach(citizen, 'active'), reach(lawyer, 'active')])
  await pause(2_500)
  return { citizen, lawyer }
}

/** What Chromium itself logs of a socket that it cannot open while there is no way; the pages say it in words. */
const NO_WAY = /^WebSocket connection to '[^']+' failed: .*net::ERR_(ADDRESS_UNREACHABLE|NETWORK_CHANGED|INTERNET_DISCONNECTED|NETWORK_IO_SUSPENDED)/

async function end(citizen, lawyer) {
  citizen.complaints = citizen.complaints.filter(line => !NO_WAY.test(line))
  await citizen.getByTestId('hangup').click()
  await Promise.all([reach(citizen, 'ended'), reach(lawyer, 'ended')])
  await writeOutcome(lawyer)
  await closeQuietly(citizen, lawyer)
}

/** A browser of its own in somebody's namespace. */
async function startIn(namespace) {
  const executable = join(folder, `chromium-${namespace}`)
  const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium'
  await writeFile(executable, `#!/bin/sh\nexec nsenter -t ${namespace} -n -- ${chromium} "$@"\n`)
  await chmod(executable, 0o755)
  return startBrowser({ executable, args: ['--ignore-certificate-errors'] })
}

/** Takes one of the citizen's ways down or up. */
function way(number, state) {
  const inside = (...words) => {
    const done = spawnSync('nsenter', ['-t', HOME, '-n', 'ip', ...words], { encoding: 'utf8' })
    assert.equal(done.status, 0, `ip ${words.join(' ')}: ${done.stderr}`)
  }
  inside('link', 'set', `way${number}`, state)
  if (state === 'up') inside('route', 'replace', 'default', 'via', `10.8.${number}.1`, 'metric', `10${number}`)
}

/** Keeps, inside the page, when packets came and when a socket was greeted. */
function watchNetwork() {
  const now = () => performance.timeOrigin + performance.now()
  const seen = { arrivals: [], greeted: [] }
  window.network = seen
  let last = 0
  setInterval(async () => {
    const connection = window.seen?.connections.findLast(one => one.connectionState !== 'closed')
    if (!connection) return
    const stats = await connection.getStats()
    let received = 0
    for (const entry of stats.values()) {
      if (entry.type === 'inbound-rtp') received += entry.packetsReceived
    }
    if (received !== last) seen.arrivals.push(now())
    last = received
  }, 50)
  const Real = window.WebSocket
  window.WebSocket = class extends Real {
    constructor(...given) {
      super(...given)
      this.addEventListener('message', ({ data }) => {
        const { type } = JSON.parse(data)
        if (type === 'welcome' || type === 'resumed') seen.greeted.push({ at: now(), type })
      })
    }
  }
}

/** The longest silence after `at`, and when the socket was back. */
async function since(page, at) {
  const { arrivals, greeted } = await page.evaluate(() => window.network)
  const late = [at, ...arrivals.filter(one => one > at), Date.now()]
  const silentMs = Math.max(...late.slice(1).map((one, index) => one - late[index]))
  return { silentMs: Math.round(silentMs), resumedMs: Math.round(greeted.find(one => one.at > at).at - at) }
}

function middle(list) {
  return list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]
}
