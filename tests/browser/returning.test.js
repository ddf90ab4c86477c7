// Whoever reloads or loses the tab in the middle of a call is back in the same call, and there is one record of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { call, chatBothWays, closeQuietly, newestRecord, openCitizen, openDesk, reach, reachFit, received, writeOutcome } from './lib/people.js'
import { comeBack, crash, median, reload } from './lib/returning.js'
import { browsers, server, useStage } from './lib/stage.js'

/** What is promised, judged on the median of the full dose; a small dose on a busy machine has slack. */
const PROMISE_MS = 3_000
const SLACK_MS = 12_000
/** How often each side goes each way. */
const TIMES = Number(process.env.YUNFA_TEST_RETURNS ?? 1)
const IS_FULL = TIMES >= 3

useStage()

test('citizen and lawyer reload and crash in the middle, are back in the same call, and there is one record', async () => {
  const [atHome, atDesk] = browsers
  let lawyer = await openDesk(atDesk, server)
  let citizen = await openCitizen(atHome, server)
  await call(citizen, 'video')
  await lawyer.getByTestId('accept').click()
  await Promise.all([reach(citizen, 'active'), reach(lawyer, 'active')])
  for (const page of [citizen, lawyer]) await page.waitForFunction(() => window.seen.firstFrameAt > 0)

  let returns = 0
  const figures = []
  for (const [what, way] of [['reloads', reload], ['crashes', crash]]) {
    const ms = { citizen: [], lawyer: [] }
    for (let time = 0; time < TIMES; time += 1) {
      const home = await comeBack(way, citizen, lawyer)
      citizen = home.page
      ms.citizen.push(home.ms)
      await reach(lawyer, 'active')
      const desk = await comeBack(way, lawyer, citizen)
      lawyer = desk.page
      ms.lawyer.push(desk.ms)
      await reach(citizen, 'active')
      returns += 2
    }
    for (const [who, all] of Object.entries(ms)) figures.push({ who, what, all })
  }
  await Promise.all([reachFit(citizen, 'active'), reachFit(lawyer, 'active')])
  const early = await Promise.all([received(citizen), received(lawyer)])
  await chatBothWays(citizen, lawyer)
  await lawyer.waitForFunction(frames => window.seen.frames > frames, (await received(lawyer)).shown + 25)
  const late = await Promise.all([received(citizen), received(lawyer)])
  await citizen.getByTestId('hangup').click()
  await writeOutcome(lawyer, 'ADVICE_PARTIAL')
  const { page: office, record } = await newestRecord(atDesk, server)

  for (const at of [0, 1]) {
    assert.ok(late[at].frames > early[at].frames, 'frames go on')
    assert.ok(late[at].audioPackets > early[at].audioPackets, 'the voice goes on')
    assert.ok(late[at].energy > early[at].energy, 'the voice is heard')
  }
  for (const { who, what, all } of figures) {
    const ms = median(all)
    console.log(`# ${who} ${what} → both see each other again: median ${ms.toFixed(0)} ms of ${all.map(Math.round).join(', ')}`)
    assert.ok(ms <= (IS_FULL ? PROMISE_MS : SLACK_MS), `${who} who ${what} is back: ${ms} ms`)
  }
  assert.equal(await office.getByTestId('session-row').count(), 1, 'one session')
  assert.equal(record.endReason, 'CITIZEN_HUNG_UP')
  assert.equal(record.channelUsed, 'video')
  assert.ok(record.interruptionCount >= returns, `${record.interruptionCount} interruptions of ${returns} returns`)
  assert.deepEqual(new Set(record.interruptions.map(one => one.role)), new Set(['CITIZEN', 'LAWYER']))
  await closeQuietly(citizen, lawyer, office)
})
