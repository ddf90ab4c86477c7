// Every state of every page, in both languages: no accessibility violation, no console error, and a picture to look at.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { DESKTOP, LANDSCAPE, openWindow, PHONE, SMALL_PHONE, startBrowser } from './lib/browser.js'
import { assertAccessible, assertFits } from './lib/judge.js'
import { chat, RECORD, row, script, session } from './lib/scripted.js'
import { serveDist } from './lib/static.js'

const OUTPUT = fileURLToPath(new URL('./output/', import.meta.url))

let browser
let site
before(async () => {
  mkdirSync(OUTPUT, { recursive: true })
  site = await serveDist()
  browser = await startBrowser()
})
after(async () => {
  await browser?.close()
  await site?.close()
})

for (const [name, size, english] of [
  ['phone', PHONE, false],
  ['small', SMALL_PHONE, true],
  ['landscape', LANDSCAPE, false],
  ['desktop', DESKTOP, true],
]) {
  const tag = `${name}-${english ? 'en' : 'zh'}`

  test(`the citizen's states are accessible (${tag})`, async () => {
    const page = await openWindow(browser, { size, english })
    const server = await script(page)
    const look = state => examine(page, `${tag}-citizen-${state}`)

    await page.goto(`${site.url}/`)
    await page.getByText('2026-11').waitFor({ state: 'attached' })
    await look('1-what')
    await page.getByTestId('area-LABOUR').click()
    await look('2-how')
    await page.getByTestId('call').click()
    const { consultation: id } = await server.heard('requestConsultation')
    const matter = { type: 'consultation', id, practiceArea: 'LABOUR', channel: 'video', createdAt: Date.now() }
    server.say({ ...matter, state: 'MATCHING', ringing: 3 })
    server.say({ type: 'queue', consultation: id, place: 2, onDuty: 4, until: Date.now() + 52_000 })
    await reach(page, 'ringing')
    await look('3-wait')
    server.say(session({ consultation: id, state: 'CONNECTING', activeSince: null }))
    await reach(page, 'connecting')
    server.say(session({ consultation: id }))
    server.say(chat(1, 'leg-citizen', english ? 'My boss has not paid me for three months.' : '老板三个月没发工资了。'))
    server.say(chat(2, 'leg-lawyer', english ? 'Do you have a contract or pay slips?' : '您有劳动合同或者工资条吗？先拍照留好。'))
    await reach(page, 'active')
    await look('4-video')
    server.say(session({ consultation: id, channel: 'voice' }))
    await look('5-voice')
    server.say(session({ consultation: id, state: 'RECONNECTING', seatUntil: Date.now() + 50_000 }))
    await reach(page, 'reconnecting')
    await look('6-reconnecting')
    server.say(session({ consultation: id, channel: 'text' }))
    await reach(page, 'text-only')
    await look('7-text')
    server.say({ type: 'draining' })
    server.say({ type: 'sessionEnded', session: 's', consultation: id, reason: 'CITIZEN_HUNG_UP', twoWayS: 83, outcomeDue: false })
    await reach(page, 'ended')
    await page.getByTestId('star-4').click()
    await look('8-stars')
    await page.getByTestId('rate').click()
    await page.getByTestId('rated').waitFor()
    await look('9-rated')
    assert.deepEqual(page.complaints, [])
    await page.context().close()
  })

  test(`the lawyer's states are accessible (${tag})`, async () => {
    const page = await openWindow(browser, { size, english })
    const server = await script(page, {
      api: {
        'POST /api/login': { role: 'LAWYER', name: '王建国', id: 'l', door: 'lawyer' },
        'GET /api/sessions': { items: [row(0), row(1), row(2)], next: null },
        [`GET /api/records/${RECORD.recordId}`]: RECORD,
      },
      welcome: { role: 'LAWYER', name: '王建国', presence: 'ONLINE' },
    })
    const look = state => examine(page, `${tag}-lawyer-${state}`)

    await page.goto(`${site.url}/lawyer/`)
    await page.getByTestId('user').fill('lawyer1')
    await page.getByTestId('password').fill('secret')
    await look('1-signin')
    await page.getByTestId('login').click()
    await page.getByTestId('session-row').first().waitFor()
    await look('2-off')
    await page.getByTestId('duty').click()
    await server.heard('setPresence')
    server.say({ type: 'presence', presence: 'AVAILABLE', missedRings: 0 })
    await page.getByTestId('local-video').waitFor()
    await look('3-on')
    const offer = { type: 'offered', id: 'o', practiceArea: 'LABOUR', channel: 'video', locality: '青驼镇河西村' }
    server.say({ ...offer, createdAt: Date.now() - 5_000, expiresAt: Date.now() + 40_000 })
    await reach(page, 'ringing')
    await look('4-rung')
    await page.getByTestId('accept').click()
    await server.heard('acceptOffer')
    server.say(session({ you: 'leg-lawyer' }))
    server.say(chat(1, 'leg-citizen', '老板三个月没发工资了。'))
    await reach(page, 'active')
    await look('5-talk')
    server.say({ type: 'sessionEnded', session: 's', consultation: 'c', reason: 'CITIZEN_HUNG_UP', twoWayS: 83, outcomeDue: true })
    await reach(page, 'ended')
    await look('6-outcome')
    await page.getByTestId('outcome').selectOption('ADVICE_GIVEN')
    await page.getByTestId('finish').click()
    server.say({ type: 'presence', presence: 'BREAK', missedRings: 2 })
    await reach(page, 'idle')
    await look('7-break')
    assert.deepEqual(page.complaints, [])
    await page.context().close()
  })

  test(`the office's states are accessible (${tag})`, async () => {
    const page = await openWindow(browser, { size, english })
    await script(page, {
      api: {
        'POST /api/login': { role: 'SUPERVISOR', name: '李督', id: 's', door: 'office' },
        'GET /api/sessions': { items: [row(0), row(1), row(2), row(3, { state: 'MISSED', record: null, outcome: null, lawyer: null, twoWayS: 0 })], next: null },
        [`GET /api/records/${RECORD.recordId}`]: RECORD,
      },
    })
    const look = state => examine(page, `${tag}-office-${state}`)

    await page.goto(`${site.url}/office/`)
    await page.getByTestId('user').fill('supervisor1')
    await page.getByTestId('password').fill('secret')
    await look('1-signin')
    await page.getByTestId('login').click()
    await page.getByTestId('session-row').first().waitFor()
    await look('2-sessions')
    await page.getByTestId('open-record').first().click()
    await page.getByTestId('two-way').waitFor()
    await look('3-record')
    assert.deepEqual(page.complaints, [])
    await page.context().close()
  })
}

test('a citizen reads everything at twice the text size', async () => {
  const page = await openWindow(browser, { size: PHONE })
  await page.addInitScript(() => {
    document.addEventListener('DOMContentLoaded', () => {
      document.documentElement.style.fontSize = '200%'
    })
  })
  await script(page)

  await page.goto(`${site.url}/`)
  await page.getByTestId('area-FAMILY').click()
  await examine(page, 'large-text-citizen-2-how')

  await page.context().close()
})

async function reach(page, state) {
  await page.locator(`[data-testid=state][data-state=${state}]`).waitFor()
}

async function examine(page, name) {
  await assertAccessible(page, name)
  await assertFits(page, name)
  await page.screenshot({ path: `${OUTPUT}${name}.png`, fullPage: true })
}
