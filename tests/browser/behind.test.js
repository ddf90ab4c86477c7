// A tab behind another one, in browsers as people have them: hidden, and its timers slowed down.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { putBehind, startOrdinary } from './lib/ordinary.js'
import {
  call,
  chatBothWays,
  closeQuietly,
  heard,
  newestRecord,
  openCitizen,
  openDesk,
  reach,
  reachFit,
  say,
  seesMore,
  talk,
  until,
  writeOutcome,
} from './lib/people.js'
import { browsers, server, useStage } from './lib/stage.js'

/** Longer than the 10 s after which timers of a hidden page are slowed down; the full dose outlasts every lease. */
const BEHIND_MS = Number(process.env.YUNFA_TEST_BEHIND_SECONDS ?? 20) * 1_000
/** Over which the ticks of a slow page are counted, and how many a second there may be; it asks for twenty. */
const COUNTED_MS = 5_000
const SLOW = 2

useStage([], [startOrdinary, startOrdinary])

test('a desk behind another tab stays on duty, rings by title, notification and sound, and takes the call', async () => {
  const [atHome, atDesk] = browsers
  const permissions = ['camera', 'microphone', 'notifications']
  const lawyer = await openDesk(atDesk, server, 'lawyer1', { init: noticeRings, permissions })
  let show = await putBehind(lawyer)
  await pause(BEHIND_MS)
  const citizen = await openCitizen(atHome, server)
  await call(citizen, 'voice')

  await rings(lawyer)
  assert.deepEqual(await lawyer.evaluate(() => window.notified), [['shown', '● 来电：劳动社保']])
  // Three rings of four tones each: the pauses between them are not stretched to a minute.
  await until(() => lawyer.evaluate(() => window.tones > 8), 'the ring is not repeated')
  await citizen.getByTestId('cancel').click()
  await until(() => lawyer.evaluate(() => !document.title.startsWith('●')), 'it goes on ringing')
  assert.deepEqual(await lawyer.evaluate(() => window.notified.map(([what]) => what)), ['shown', 'closed'])

  await call(citizen, 'voice')
  await rings(lawyer)
  await show()
  await lawyer.getByTestId('accept').click()
  await Promise.all([reach(citizen, 'active'), reach(lawyer, 'active')])
  show = await putBehind(lawyer)
  await Promise.all([heard(citizen), heard(lawyer)])
  await show()
  await citizen.getByTestId('hangup').click()
  await writeOutcome(lawyer)
  await closeQuietly(citizen, lawyer)
})

test('a citizen who looks at another tab during a call is in it all the while', async () => {
  const [atHome, atDesk] = browsers
  const { citizen, lawyer } = await talk(atHome, atDesk, server, { user: 'lawyer2' })

  const show = await putBehind(citizen)
  await pause(BEHIND_MS)
  await Promise.all([reach(lawyer, 'active'), seesMore(lawyer), heard(lawyer), heard(citizen)])
  await say(lawyer, '您还在吗？')
  // As telephones do with what nobody sees.
  await citizen.evaluate(() => document.getElementById('remote-video').pause())
  await show()

  await citizen.getByTestId('chat-log').getByText('您还在吗？').waitFor()
  await lawyer.getByTestId('chat-log').getByText('已读').waitFor()
  await reachFit(citizen, 'active')
  assert.equal(await citizen.getByTestId('remote-video').evaluate(video => video.paused), false)
  await Promise.all([seesMore(citizen), heard(citizen)])
  await chatBothWays(citizen, lawyer)
  await citizen.getByTestId('hangup').click()
  await writeOutcome(lawyer)
  const { page: office, record } = await newestRecord(atDesk, server)
  assert.equal(record.interruptionCount, 0)
  await closeQuietly(citizen, lawyer, office)
})

test('a citizen who writes and looks at another tab, where timers are slow, misses nothing and loses no socket', async () => {
  const [atHome, atDesk] = browsers
  const { citizen, lawyer } = await talk(atHome, atDesk, server, { user: 'lawyer3', channel: 'text', init: watchPage })

  const show = await putBehind(citizen)
  await pause(BEHIND_MS - COUNTED_MS)
  const early = await citizen.evaluate(() => window.ticks)
  await pause(COUNTED_MS)
  const ticks = (await citizen.evaluate(() => window.ticks)) - early
  console.log(`# behind for ${BEHIND_MS / 1_000} s: ${ticks} ticks in ${COUNTED_MS / 1_000} s`)
  assert.ok(ticks <= (SLOW * COUNTED_MS) / 1_000, `timers go on: ${ticks} ticks`)
  await say(lawyer, '签过字的纸还在吗？')
  await until(
    () => citizen.evaluate(() => document.getElementById('chat-log').innerText.includes('签过字的纸还在吗？')),
    'what was said does not come',
  )
  assert.equal(await lawyer.getByTestId('chat-log').getByText('已读').count(), 0, 'nobody has read it yet')
  await reach(lawyer, 'text-only')
  await show()

  await lawyer.getByTestId('chat-log').getByText('已读').waitFor()
  await reachFit(citizen, 'text-only')
  await chatBothWays(citizen, lawyer)
  assert.equal(await citizen.evaluate(() => window.sockets), 1)
  await citizen.getByTestId('hangup').click()
  await writeOutcome(lawyer)
  await closeQuietly(citizen, lawyer)
})

async function rings(lawyer) {
  await until(() => lawyer.evaluate(() => document.title.startsWith('● 来电')), 'the title says nothing of a ring')
  await until(() => lawyer.evaluate(() => window.notified.at(-1)?.[0] === 'shown'), 'nothing is shown')
}

/** Notes what notifications a page shows, of which a browser without a screen shows none, and what tones it sounds. */
function noticeRings() {
  window.notified = []
  window.Notification = class {
    static permission = 'granted'
    constructor(title) {
      window.notified.push(['shown', title])
      this.title = title
    }
    close() {
      window.notified.push(['closed', this.title])
    }
  }
  window.tones = 0
  const start = OscillatorNode.prototype.start
  OscillatorNode.prototype.start = function (...when) {
    if (this.context.state === 'running') window.tones += 1
    return start.apply(this, when)
  }
}

/** Counts a page's ticks and sockets. */
function watchPage() {
  window.ticks = 0
  setInterval(() => {
    window.ticks += 1
  }, 50)
  window.sockets = 0
  const Real = window.WebSocket
  window.WebSocket = class extends Real {
    constructor(...given) {
      super(...given)
      window.sockets += 1
    }
  }
}
