// A whole call by keyboard alone, with the focus where something new is, nothing that moves, and every change said aloud.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DESKTOP, openWindow, startBrowser } from './lib/browser.js'
import { closeQuietly, openCitizen, reach } from './lib/people.js'
import { browser, server, useStage } from './lib/stage.js'

/** More presses than any page has places. */
const MOST_TABS = 60

useStage([], [startBrowser])

test('a call is made, held, ended, rated and written down without a mouse', async () => {
  const lawyer = await openWindow(browser, { size: DESKTOP })
  await lawyer.goto(`${server.url}/lawyer/`)
  const { user, password } = server.lawyer('lawyer1')
  await tabTo(lawyer, 'user')
  await lawyer.keyboard.type(user)
  await tabTo(lawyer, 'password')
  await lawyer.keyboard.type(password)
  await lawyer.keyboard.press('Enter')
  await lawyer.locator('[data-testid=presence]:not([data-presence=OFFLINE])').waitFor()
  assert.equal(await focused(lawyer), 'main', 'signing in leads to the desk')
  await press(lawyer, 'duty', 'Enter')
  await lawyer.locator('[data-testid=media-path][data-status=connected]').waitFor()

  const citizen = await openCitizen(browser, server, { size: DESKTOP })
  await listen(citizen)
  await listen(lawyer)
  await press(citizen, 'area-LABOUR', 'Enter')
  assert.equal(await focused(citizen), 'how-title', 'a choice leads to the next question')
  await press(citizen, 'channel-voice', 'Space')
  await press(citizen, 'call', 'Enter')
  await citizen.getByTestId('cancel').waitFor()
  assert.equal(await focused(citizen), 'main', 'waiting begins at its top')
  await lawyer.getByTestId('offer').waitFor()
  assert.equal(await focused(lawyer), 'offer-title', 'a ring leads to its answers')
  await press(lawyer, 'accept', 'Enter')
  await Promise.all([reach(citizen, 'active'), reach(lawyer, 'active')])
  for (const page of [citizen, lawyer]) assert.equal(await focused(page), 'talk-title', 'a talk begins with who is there')

  await press(citizen, 'mute', 'Space')
  await lawyer.getByText('对方已静音').waitFor()
  await press(citizen, 'mute', 'Space')
  await tabTo(citizen, 'chat-input')
  await citizen.keyboard.type('老板三个月没发工资了。')
  await citizen.keyboard.press('Enter')
  await lawyer.getByTestId('chat-log').getByText('老板').waitFor()
  await press(citizen, 'hangup', 'Enter')
  await Promise.all([reach(citizen, 'ended'), reach(lawyer, 'ended')])
  assert.equal(await focused(citizen), 'main')
  assert.equal(await focused(lawyer), 'outcome-title', 'the end leads to the outcome')
  await press(citizen, 'star-5', 'Space')
  await press(citizen, 'rate', 'Enter')
  await citizen.getByTestId('rated').waitFor()
  assert.equal(await focused(citizen), 'rate-title', 'the thanks take the place of the button')
  await tabTo(lawyer, 'outcome')
  await lawyer.keyboard.press('ArrowDown')
  await press(lawyer, 'finish', 'Enter')
  await reach(lawyer, 'idle')
  assert.equal(await focused(lawyer), 'main')

  const [heardAtHome, heardAtDesk] = await Promise.all([citizen, lawyer].map(page => page.evaluate(() => window.heard.join('\n'))))
  for (const word of ['正在呼叫', '通话中', '已结束']) assert.match(heardAtHome, new RegExp(word), 'said to the citizen')
  for (const word of ['有人来咨询', '通话中', '对方已静音', '已结束']) assert.match(heardAtDesk, new RegExp(word), 'said to the lawyer')
  await closeQuietly(citizen, lawyer)
})

test('for those who asked for less motion nothing moves, and the page says its language', async () => {
  const citizen = await openCitizen(browser, server)
  await citizen.getByTestId('area-LABOUR').click()
  await citizen.getByTestId('channel-text').click()
  await citizen.getByTestId('call').click()
  await reach(citizen, 'queued')

  // Less than a frame is a change, not a movement.
  const moving = await citizen.evaluate(() =>
    document
      .getAnimations()
      .filter(one => one.playState === 'running' && one.effect.getComputedTiming().activeDuration > 16)
      .map(one => `${one.effect.target?.className} ${one.animationName ?? one.transitionProperty}`),
  )
  assert.deepEqual(moving, [])
  assert.equal(await citizen.evaluate(() => document.documentElement.lang), 'zh-CN')
  assert.equal(await citizen.getByTestId('language').getAttribute('lang'), 'en')
  await citizen.getByTestId('language').click()
  assert.equal(await citizen.evaluate(() => document.documentElement.lang), 'en')
  assert.equal(await citizen.getByTestId('language').getAttribute('lang'), 'zh-CN')
  assert.match(await citizen.title(), /queue/)
  await citizen.getByTestId('cancel').click()
  await closeQuietly(citizen)
})

/** Moves on, or back at the end, until the focus is there; it must be visible when it arrives. */
async function tabTo(page, id) {
  for (let tabs = 0; tabs < MOST_TABS; tabs += 1) {
    if ((await focused(page)) === id) {
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle)
      assert.notEqual(outline, 'none', `the focus on ${id} is seen`)
      return
    }
    await page.keyboard.press('Tab')
  }
  throw new Error(`the keyboard never comes to ${id}`)
}

async function press(page, id, key) {
  await tabTo(page, id)
  await page.keyboard.press(key)
}

function focused(page) {
  return page.evaluate(() => document.activeElement?.id || document.activeElement?.getAttribute('data-testid'))
}

/** Keeps what a screen reader would say: text that changes in a live region, and alerts that appear. */
async function listen(page) {
  await page.evaluate(() => {
    window.heard = []
    const live = '[role=status], [role=alert], [role=log], [aria-live=polite]'
    new MutationObserver(changes => {
      for (const { target, addedNodes } of changes) {
        const region = (target instanceof Element ? target : target.parentElement)?.closest(live)
        if (region) window.heard.push(region.textContent)
        for (const node of addedNodes) {
          const alert = node instanceof Element ? (node.matches('[role=alert]') ? node : node.querySelector('[role=alert]')) : null
          if (alert) window.heard.push(alert.textContent)
        }
      }
    }).observe(document.body, { childList: true, characterData: true, subtree: true })
  })
}
