// Firefox and Chromium in one call, each on either side. Runs inside the namespace that `firefox.test.js` makes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { startBrowser } from '../lib/browser.js'
import { assertCounted, assertMet } from '../lib/facts.js'
import { startFirefox } from '../lib/firefox.js'
import {
  call,
  chatBothWays,
  closeQuietly,
  newestRecord,
  openCitizen,
  openDesk,
  rate,
  reach,
  received,
  seen,
  writeOutcome,
} from '../lib/people.js'
import { browsers, server, useStage } from '../lib/stage.js'

const CALL_MS = 6_000

useStage([`media.public_addresses=${process.env.YUNFA_TEST_ADDRESS}`], [startBrowser, startFirefox])

test('a citizen with Firefox holds a video consultation with a lawyer with Chromium', async () => {
  const [chromium, firefox] = browsers
  console.log(`# ${await firefox.version()}, Chromium ${chromium.version()}`)
  await consult(firefox, chromium)
})

test('a citizen with Chromium holds a video consultation with a lawyer with Firefox', () => consult(...browsers))

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
  const { page: office, record } = await newestRecord(browsers[0], server)

  for (const [at, who] of ['citizen', 'lawyer'].entries()) {
    assert.equal(late[at].codec, 'video/VP8', `what the ${who} decodes`)
    assertMet(who, early[at], late[at], CALL_MS / 1_000)
  }
  assertCounted(record, home, desk)
  assert.equal(record.rating?.stars, 5)
  await closeQuietly(citizen, lawyer, office)
}
