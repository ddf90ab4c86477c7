// Firefox and Chromium in one call, each on either side. Runs inside the namespace that `firefox.test.js` makes.
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { startBrowser } from '../lib/browser.js'
import { startFirefox } from '../lib/firefox.js'
import {
  call,
  chatBothWays,
  closeAll,
  closeQuietly,
  newestRecord,
  openCitizen,
  openDesk,
  overlap,
  rate,
  reach,
  received,
  seen,
  writeOutcome,
} from '../lib/people.js'
import { startServer } from '../lib/server.js'

const CALL_MS = 6_000
/** One second, and the grain with which the pages look at their statistics, at both ends. */
const TOLERANCE_S = 1.1

let server
let chromium
let firefox
before(async () => {
  const media = [`media.public_addresses=${process.env.YUNFA_TEST_ADDRESS}`]
  ;[server, chromium, firefox] = await Promise.all([startServer(media), startBrowser(), startFirefox()])
  console.log(`# ${await firefox.version()}, Chromium ${chromium.version()}`)
})
// A failed call leaves nobody on duty for the next one.
afterEach(() => Promise.all([chromium, firefox].map(closeAll)))
after(async () => {
  await Promise.all([chromium?.close(), firefox?.close()])
  await server?.stop()
})

test('a citizen with Firefox holds a video consultation with a lawyer with Chromium', () => consult(firefox, chromium))
test('a citizen with Chromium holds a video consultation with a lawyer with Firefox', () => consult(chromium, firefox))

async function consult(atHome, atDesk) {
  const lawyer = await openDesk(atDesk, server)
  const citizen = await openCitizen(atHome, server)

  await call(citizen, 'video')
  await lawyer.getByTestId('offer').waitFor()
  await lawyer.getByTestId('accept').click()
  await Promise.all([reach(citizen, 'active'), reach(lawyer, 'active')])
  await Promise.all([citizen, lawyer].map(page => page.waitForFunction(() => window.seen.firstFrameAt > 0)))
  const early = await Promise.all([received(citizen), received(lawyer)])
  await chatBothWays(citizen, lawyer)
  await pause(CALL_MS)
  const late = await Promise.all([received(citizen), received(lawyer)])
  await citizen.getByTestId('hangup').click()
  await Promise.all([reach(citizen, 'ended'), reach(lawyer, 'ended')])
  const [home, desk] = await Promise.all([seen(citizen), seen(lawyer)])
  await writeOutcome(lawyer)
  await rate(citizen, 5)
  const { page: office, record } = await newestRecord(chromium, server)

  for (const [who, at] of [['citizen', 0], ['lawyer', 1]]) {
    const before = early[at]
    const now = late[at]
    assert.equal(now.codec, 'video/VP8', `what the ${who} decodes`)
    assert.ok(now.frames > before.frames + 50, `${who} decodes frames: ${before.frames} → ${now.frames}`)
    assert.ok(now.shown > before.shown + 50, `${who} shows frames: ${before.shown} → ${now.shown}`)
    assert.ok(now.width > 0, `${who} sees a picture`)
    assert.ok(now.audioPackets > before.audioPackets + 100, `${who} receives sound`)
    assert.ok(now.energy > before.energy, `${who} hears: ${before.energy} → ${now.energy}`)
  }
  const measured = overlap(home, desk)
  assert.ok(Math.abs(record.twoWayS - measured) <= TOLERANCE_S, `record ${record.twoWayS} s, browsers ${measured.toFixed(2)} s`)
  assert.equal(record.rating?.stars, 5)
  await closeQuietly(citizen, lawyer, office)
}
