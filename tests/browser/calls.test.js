// Real calls: two Chromiums, the real server, and the record that comes of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { assertCounted, assertHeard, assertMet } from './lib/facts.js'
import {
  call,
  chatBothWays,
  closeQuietly,
  newestRecord,
  openCitizen,
  openDesk,
  rate,
  reach,
  reachFit,
  received,
  seen,
  writeOutcome,
} from './lib/people.js'
import { OUTPUT, browsers, server, useStage } from './lib/stage.js'

const LONG_CALL_MS = 20_000
const SHORT_CALL_MS = 6_000

useStage()

test('a video consultation of 20 s is seen, heard, written, rated and recorded to the second', async () => {
  const [atHome, atDesk] = browsers
  const lawyer = await openDesk(atDesk, server)
  const citizen = await openCitizen(atHome, server, { path: '/?src=qr-hexi' })

  await call(citizen, 'video')
  await lawyer.getByTestId('offer').waitFor()
  await reach(citizen, 'ringing')
  await lawyer.getByTestId('accept').click()
  await Promise.all([reachFit(citizen, 'active'), reachFit(lawyer, 'active')])
  const begun = Date.now()
  await chatBothWays(citizen, lawyer)
  const early = await Promise.all([received(citizen), received(lawyer)])
  await pause(LONG_CALL_MS / 2)
  await citizen.screenshot({ path: `${OUTPUT}call-citizen.png` })
  await lawyer.screenshot({ path: `${OUTPUT}call-lawyer.png` })
  await pause(Math.max(0, LONG_CALL_MS - (Date.now() - begun)))
  const late = await Promise.all([received(citizen), received(lawyer)])
  await citizen.getByTestId('hangup').click()
  await Promise.all([reachFit(citizen, 'ended'), reachFit(lawyer, 'ended')])
  const [home, desk] = await Promise.all([seen(citizen), seen(lawyer)])
  await writeOutcome(lawyer)
  await rate(citizen, 5)
  const { page: office, record } = await newestRecord(atDesk, server)

  for (const [at, who] of ['citizen', 'lawyer'].entries()) assertMet(who, early[at], late[at], LONG_CALL_MS / 1_000)
  assertCounted(record, home, desk)
  assert.equal(record.outcome, 'ADVICE_GIVEN')
  assert.equal(record.entrySource, 'qr-hexi')
  assert.equal(record.citizenMessages, 1)
  assert.equal(record.lawyerMessages, 1)
  assert.equal(record.rating?.stars, 5)
  for (const [who, side] of [['citizen', home], ['lawyer', desk]]) {
    const ms = side.firstFrameAt - desk.acceptedAt
    console.log(`# answer → first decoded remote frame at the ${who}: ${ms.toFixed(0)} ms`)
    assert.ok(ms > 0 && ms < 3_000, `${who} sees the first frame soon: ${ms} ms`)
  }
  await office.screenshot({ path: `${OUTPUT}call-record.png`, fullPage: true })
  await closeQuietly(citizen, lawyer, office)
})

test('a citizen whose browser lacks VP8 is seen in H.264, and hears the lawyer whom it cannot decode', async () => {
  const [atHome, atDesk] = browsers
  const lawyer = await openDesk(atDesk, server)
  const citizen = await openCitizen(atHome, server, { init: forgetVp8 })

  await call(citizen, 'video')
  await lawyer.getByTestId('accept').click()
  await Promise.all([reach(citizen, 'active'), reach(lawyer, 'active')])
  await lawyer.waitForFunction(() => window.seen.firstFrameAt > 0)
  await citizen.getByText('这台设备放不出对方的画面').waitFor()
  const early = await Promise.all([received(citizen), received(lawyer)])
  await pause(SHORT_CALL_MS)
  const late = await Promise.all([received(citizen), received(lawyer)])
  await citizen.getByTestId('hangup').click()
  await writeOutcome(lawyer)

  assert.equal(late[1].codec, 'video/H264')
  assertMet('lawyer', early[1], late[1], SHORT_CALL_MS / 1_000)
  assert.equal(late[0].frames, 0, 'nothing is sent that the citizen cannot decode')
  assertHeard('citizen', early[0], late[0], SHORT_CALL_MS / 1_000)
  await closeQuietly(citizen, lawyer)
})

/** Has the browser offer video without VP8. */
function forgetVp8() {
  const real = RTCRtpReceiver.getCapabilities.bind(RTCRtpReceiver)
  RTCRtpReceiver.getCapabilities = kind => {
    const all = real(kind)
    return { ...all, codecs: all.codecs.filter(codec => codec.mimeType !== 'video/VP8') }
  }
}

test('a voice consultation is heard and recorded to the second, without a picture', async () => {
  const [atHome, atDesk] = browsers
  const lawyer = await openDesk(atDesk, server)
  const citizen = await openCitizen(atHome, server)

  await call(citizen, 'voice')
  await lawyer.getByTestId('accept').click()
  await Promise.all([reachFit(citizen, 'active'), reachFit(lawyer, 'active')])
  const early = await Promise.all([received(citizen), received(lawyer)])
  await chatBothWays(citizen, lawyer)
  await citizen.getByTestId('mute').click()
  await lawyer.getByText('对方已静音').waitFor()
  await citizen.getByTestId('mute').click()
  await pause(SHORT_CALL_MS)
  const late = await Promise.all([received(citizen), received(lawyer)])
  await lawyer.getByTestId('hangup').click()
  await Promise.all([reachFit(citizen, 'ended'), reachFit(lawyer, 'ended')])
  const [home, desk] = await Promise.all([seen(citizen), seen(lawyer)])
  await writeOutcome(lawyer, 'REFER_LEGAL_AID')
  await rate(citizen, 4)
  const { page: office, record } = await newestRecord(atDesk, server)

  for (const [at, who] of ['citizen', 'lawyer'].entries()) assertHeard(who, early[at], late[at], SHORT_CALL_MS / 1_000)
  assertCounted(record, home, desk)
  assert.equal(record.channel, 'voice')
  assert.equal(record.twoWayVideoS, 0)
  await closeQuietly(citizen, lawyer, office)
})

test('a text consultation is written both ways and recorded', async () => {
  const [atHome, atDesk] = browsers
  const lawyer = await openDesk(atDesk, server)
  const citizen = await openCitizen(atHome, server)

  await citizen.getByTestId('area-FAMILY').click()
  await citizen.getByTestId('anonymous').check()
  await citizen.getByTestId('channel-text').click()
  await citizen.getByTestId('call').click()
  await lawyer.getByTestId('accept').click()
  await Promise.all([reachFit(citizen, 'text-only'), reachFit(lawyer, 'text-only')])
  await chatBothWays(citizen, lawyer)
  await citizen.getByTestId('hangup').click()
  await writeOutcome(lawyer)
  await rate(citizen, 3)
  const { page: office, record } = await newestRecord(atDesk, server)

  assert.equal(record.channel, 'text')
  assert.equal(record.identityMode, 'REFUSED')
  assert.equal(record.citizenMessages, 1)
  assert.equal(record.lawyerMessages, 1)
  await closeQuietly(citizen, lawyer, office)
})

test('a citizen who reloads in the middle comes back into the same call', async () => {
  const [atHome, atDesk] = browsers
  const lawyer = await openDesk(atDesk, server)
  const citizen = await openCitizen(atHome, server)
  await call(citizen, 'video')
  await lawyer.getByTestId('accept').click()
  await Promise.all([reachFit(citizen, 'active'), reachFit(lawyer, 'active')])

  await citizen.reload()
  await reachFit(citizen, 'active')
  await citizen.waitForFunction(() => window.seen.firstFrameAt > 0)
  await chatBothWays(citizen, lawyer)
  await citizen.getByTestId('hangup').click()

  await writeOutcome(lawyer, 'ADVICE_PARTIAL')
  await closeQuietly(citizen, lawyer)
})
