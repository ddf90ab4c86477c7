// A page that nobody sees: hidden, frozen, or back after too long.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { call, chatBothWays, closeQuietly, heard, openCitizen, openDesk, reach, reachFit, seesMore, writeOutcome } from './lib/people.js'
import { browsers, server, useStage } from './lib/stage.js'

/** Longer than the 12 s of silence after which the server takes a socket for dead. */
const FROZEN_MS = Number(process.env.YUNFA_TEST_FROZEN_SECONDS ?? 15) * 1_000
const GRACE_S = 8

useStage([`signaling.grace_seconds=${GRACE_S}`])

test('a desk in the background rings by its title and a notification', async () => {
  const [atHome, atDesk] = browsers
  const lawyer = await openDesk(atDesk, server, 'lawyer1', { init: noticeNotifications, permissions: ['camera', 'microphone', 'notifications'] })
  await hide(lawyer, true)
  const citizen = await openCitizen(atHome, server)
  await call(citizen, 'voice')

  await lawyer.waitForFunction(() => document.title.startsWith('● 来电'))
  await lawyer.waitForFunction(() => window.notified.length > 0)
  assert.deepEqual(await lawyer.evaluate(() => window.notified), [['shown', '● 来电：劳动社保']])
  await citizen.getByTestId('cancel').click()
  await lawyer.waitForFunction(() => !document.title.startsWith('●'))
  assert.deepEqual(await lawyer.evaluate(() => window.notified.map(([what]) => what)), ['shown', 'closed'])
  await hide(lawyer, false)
  await closeQuietly(citizen, lawyer)
})

test('a page that is frozen in a call is in the call, and shows what was said meanwhile', async () => {
  const [atHome, atDesk] = browsers
  const lawyer = await openDesk(atDesk, server, 'lawyer2')
  const citizen = await openCitizen(atHome, server)
  await call(citizen, 'video')
  await lawyer.getByTestId('accept').click()
  await Promise.all([reach(citizen, 'active'), reach(lawyer, 'active')])
  await seesMore(lawyer)

  const thaw = await freeze(citizen)
  await pause(FROZEN_MS)
  await reach(lawyer, 'active')
  await lawyer.getByTestId('chat-input').fill('您还在吗？')
  await lawyer.getByTestId('chat-send').click()
  await Promise.all([seesMore(lawyer), heard(lawyer)])
  await thaw()

  await citizen.getByTestId('chat-log').getByText('您还在吗？').waitFor()
  await reachFit(citizen, 'active')
  await Promise.all([seesMore(citizen), heard(citizen)])
  await chatBothWays(citizen, lawyer)
  await citizen.getByTestId('hangup').click()
  await writeOutcome(lawyer)
  await closeQuietly(citizen, lawyer)
})

test('whoever is away for longer than the seat is kept is told so in words, and so is the other', async () => {
  const [atHome, atDesk] = browsers
  const lawyer = await openDesk(atDesk, server, 'lawyer3')
  const citizen = await openCitizen(atHome, server)
  await call(citizen, 'voice')
  await lawyer.getByTestId('accept').click()
  await Promise.all([reach(citizen, 'active'), reach(lawyer, 'active')])

  // A locked phone stands still as a whole, with its network.
  const wake = await stop(atHome)
  await lawyer.getByText('对方的网络断了').waitFor({ timeout: 30_000 })
  await reach(lawyer, 'ended', (GRACE_S + 40) * 1_000)
  await wake()

  await reachFit(citizen, 'ended', 40_000)
  const words = await citizen.locator('main').innerText()
  assert.match(words, /通话断了/)
  await writeOutcome(lawyer, 'DROPPED')
  await closeQuietly(lawyer)
  await citizen.context().close()
})

/** Notes what notifications a page shows; a browser without a screen shows none. */
function noticeNotifications() {
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
}

/** What a page finds out when another window is put before it. */
async function hide(page, hidden) {
  await page.evaluate(isHidden => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => (isHidden ? 'hidden' : 'visible') })
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => isHidden })
    document.dispatchEvent(new Event('visibilitychange'))
  }, hidden)
}

/** Has Chromium freeze the page; says how to thaw it. */
async function freeze(page) {
  const session = await page.context().newCDPSession(page)
  await session.send('Page.enable')
  await session.send('Page.setWebLifecycleState', { state: 'frozen' })
  return () => session.send('Page.setWebLifecycleState', { state: 'active' })
}

/** Stops every process of a browser; says how to go on. */
async function stop(browser) {
  const session = await browser.newBrowserCDPSession()
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  for (const { id } of processInfo) process.kill(id, 'SIGSTOP')
  return async () => {
    for (const { id } of processInfo) process.kill(id, 'SIGCONT')
  }
}
