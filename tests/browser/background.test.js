// A page that goes away as a whole, in browsers as people have them: frozen, left by a link, on a locked phone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { putBehind, startOrdinary } from './lib/ordinary.js'
import {
  chatBothWays,
  closeQuietly,
  heard,
  reach,
  reachFit,
  say,
  seesMore,
  talk,
  writeOutcome,
} from './lib/people.js'
import { browsers, server, useStage } from './lib/stage.js'

/** Longer than the 12 s of silence after which the server takes a socket for dead. */
const FROZEN_MS = Number(process.env.YUNFA_TEST_FROZEN_SECONDS ?? 15) * 1_000
/** The socket is dead after 12 s; the seat, which is empty two seconds after the last packet, is still kept. */
const LOCKED_MS = 14_000
const GRACE_S = 18

useStage([`signaling.grace_seconds=${GRACE_S}`], [startOrdinary, startOrdinary])

test('a page that is frozen in a call is in the call, and shows what was said meanwhile', async () => {
  const [atHome, atDesk] = browsers
  const { citizen, lawyer } = await talk(atHome, atDesk, server, { user: 'lawyer4' })
  await seesMore(lawyer)

  const show = await putBehind(citizen)
  const thaw = await freeze(citizen)
  await pause(FROZEN_MS)
  await reach(lawyer, 'active')
  await say(lawyer, '您还在吗？')
  await Promise.all([seesMore(lawyer), heard(lawyer)])
  await thaw()
  await show()

  await citizen.getByTestId('chat-log').getByText('您还在吗？').waitFor()
  await reachFit(citizen, 'active')
  await Promise.all([seesMore(citizen), heard(citizen)])
  await chatBothWays(citizen, lawyer)
  await citizen.getByTestId('hangup').click()
  await writeOutcome(lawyer)
  await closeQuietly(citizen, lawyer)
})

for (const channel of ['video', 'text']) {
  test(`a citizen who follows a link out of a call and comes back by the back button is in it again (${channel})`, async () => {
    const [atHome, atDesk] = browsers
    const state = channel === 'text' ? 'text-only' : 'active'
    const { citizen, lawyer } = await talk(atHome, atDesk, server, { user: 'lawyer5', channel, init: watchReturns })

    await citizen.goto(`${server.url}/office/`)
    // Who writes need not be there all the time, and nobody is told.
    if (channel === 'video') await lawyer.getByText('对方的网络断了').waitFor()
    await say(lawyer, '您还在吗？')
    const began = Date.now()
    await citizen.goBack({ waitUntil: 'commit' })
    await reachFit(citizen, state)
    const [wasKept] = await citizen.evaluate(() => window.shown.slice(-1))
    console.log(`# ${channel}: back after ${Date.now() - began} ms, kept by the browser: ${wasKept}`)

    await citizen.getByTestId('chat-log').getByText('您还在吗？').waitFor()
    await reach(lawyer, state)
    if (channel === 'video') await Promise.all([citizen, lawyer].flatMap(page => [seesMore(page), heard(page)]))
    await chatBothWays(citizen, lawyer)
    await citizen.getByTestId('hangup').click()
    await writeOutcome(lawyer)
    await closeQuietly(citizen, lawyer)
  })
}

test('a citizen who comes back by the back button too late is told that it is over', async () => {
  const [atHome, atDesk] = browsers
  const { citizen, lawyer } = await talk(atHome, atDesk, server, { user: 'lawyer6', channel: 'voice' })

  await citizen.goto(`${server.url}/office/`)
  await reach(lawyer, 'ended', (GRACE_S + 20) * 1_000)
  await citizen.goBack({ waitUntil: 'commit' })

  await reachFit(citizen, 'ended')
  assert.match(await citizen.locator('main').innerText(), /通话断了|已经结束/)
  await writeOutcome(lawyer, 'DROPPED')
  await closeQuietly(citizen, lawyer)
})

test('a phone that was locked for a moment is in the call again', async () => {
  const [atHome, atDesk] = browsers
  const { citizen, lawyer } = await talk(atHome, atDesk, server, { user: 'lawyer7' })

  await lock(citizen, async () => {
    await pause(LOCKED_MS)
    await lawyer.getByText('对方的网络断了').waitFor()
  })
  const began = Date.now()

  await reach(lawyer, 'active')
  await reachFit(citizen, 'active')
  await Promise.all([citizen, lawyer].flatMap(page => [seesMore(page), heard(page)]))
  console.log(`# unlocked → both see and hear each other again: ${Date.now() - began} ms`)
  await chatBothWays(citizen, lawyer)
  await citizen.getByTestId('hangup').click()
  await writeOutcome(lawyer)
  await closeQuietly(lawyer)
  await citizen.context().close()
})

test('whoever is away for longer than the seat is kept is told so in words, and so is the other', async () => {
  const [atHome, atDesk] = browsers
  const { citizen, lawyer } = await talk(atHome, atDesk, server, { user: 'lawyer8', channel: 'voice' })

  await lock(citizen, async () => {
    await lawyer.getByText('对方的网络断了').waitFor()
    await reach(lawyer, 'ended', (GRACE_S + 40) * 1_000)
  })

  await reachFit(citizen, 'ended', 40_000)
  assert.match(await citizen.locator('main').innerText(), /通话断了/)
  await writeOutcome(lawyer, 'DROPPED')
  await citizen.getByTestId('again').click()
  await lawyer.getByTestId('accept').click()
  await Promise.all([reach(citizen, 'active'), reach(lawyer, 'active'), heard(citizen), heard(lawyer)])
  await citizen.getByTestId('hangup').click()
  await writeOutcome(lawyer)
  await closeQuietly(lawyer)
  await citizen.context().close()
})

/** Notes whether the browser had kept the page, each time it is shown. */
function watchReturns() {
  window.shown = []
  addEventListener('pageshow', event => window.shown.push(event.persisted))
}

/** Has Chromium freeze the page; says how to thaw it. */
async function freeze(page) {
  const session = await page.context().newCDPSession(page)
  await session.send('Page.enable')
  await session.send('Page.setWebLifecycleState', { state: 'frozen' })
  return () => session.send('Page.setWebLifecycleState', { state: 'active' })
}

/** A locked phone stands still as a whole, with its network: every process of a page's browser is stopped for a while. */
async function lock(page, meanwhile) {
  const session = await page.context().browser().newBrowserCDPSession()
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  for (const { id } of processInfo) process.kill(id, 'SIGSTOP')
  try {
    await meanwhile()
  } finally {
    for (const { id } of processInfo) process.kill(id, 'SIGCONT')
  }
}
