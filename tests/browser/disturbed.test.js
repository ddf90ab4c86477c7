// What disturbs a call, as it looks to either side: every state at every size, for a judge and for the eye; in both
// languages with `YUNFA_TEST_LOOK=all`.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openWindow } from './lib/browser.js'
import { playOnlyAfterTap, plugIn, sockets, take } from './lib/devices.js'
import { answerOffers } from './lib/far.js'
import { browser, examineIn, reach, site, useSite, WINDOWS } from './lib/looks.js'
import { chat, script, session } from './lib/scripted.js'

useSite()

for (const [name, size, english, large] of WINDOWS) {
  const open = async () => {
    const page = await openWindow(browser, { size, large, init: sockets })
    await page.addInitScript(playOnlyAfterTap)
    return page
  }

  test(`what disturbs a citizen's call is said and fits (${name})`, async () => {
    const page = await open()
    const server = await script(page)
    const far = answerOffers(page, server)
    const look = state => examineIn(page, `disturbed-${name}-citizen-${state}`, english)

    await page.goto(`${site.url}/`)
    await page.getByTestId('area-LABOUR').click()
    await page.getByTestId('call').click()
    const { consultation } = await server.heard('requestConsultation')
    const talk = more => server.say(session({ consultation, ...more }))
    talk()
    server.say(chat(1, 'leg-lawyer', '您有劳动合同或者工资条吗？先拍照留好。'))
    await meet(page, server, far, 'leg-lawyer')
    await reach(page, 'active')

    await take(page, 'camera', 'NotFoundError')
    await said(page, 'camera', '没有找到摄像头')
    await take(page, 'microphone', 'NotFoundError')
    await said(page, 'microphone', '没有话筒')
    await look('1-devices-lost')
    for (const device of ['camera', 'microphone']) await plugIn(page, device)
    await page.getByTestId('trouble').first().waitFor({ state: 'detached' })

    show(server, [(await far).voice], 'leg-lawyer')
    await page.getByText('放不出对方的画面').waitFor()
    await look('2-codec-missing')

    await forgetTaps(page)
    show(server, Object.values(await far), 'leg-lawyer')
    await page.getByTestId('hear').waitFor()
    await look('3-autoplay-refused')

    await everythingAtOnce(page, server, far, 'leg-lawyer')
    talk({ otherMicrophone: 'OFF' })
    await page.getByText('对方已静音').waitFor()
    await look('4-everything-at-once')
    await page.getByTestId('hear').click()
    for (const device of ['camera', 'microphone']) {
      await plugIn(page, device, { heard: false })
      await page.getByTestId(`regain-${device}`).click()
    }
    await page.getByTestId('trouble').first().waitFor({ state: 'detached' })
    talk()
    await meet(page, server, far, 'leg-lawyer')

    // A page that slept: first without a line, then with one and with what was said meanwhile.
    server.cut()
    await page.getByTestId('away').waitFor()
    await look('5-line-away')
    await server.back({ refused: { code: 'overloaded', retryAfter: 1 } })
    await page.getByText('同时连接的人很多').waitFor()
    await look('6-line-crowded')
    await server.back()
    await reach(page, 'active')
    for (const number of [2, 3, 4]) server.say(chat(number, 'leg-lawyer', '您还在吗？我在等您，不用急，慢慢来。'))
    await page.getByTestId('chat-more').waitFor({ state: 'attached' })
    await look('7-back')

    server.say({ type: 'error', replyTo: null, code: 'stale-epoch', message: '', retryAfter: null })
    await page.getByTestId('elsewhere').waitFor()
    await look('8-elsewhere')
    const { type: _, ...running } = session({ consultation, channel: 'text' })
    await server.back({ welcome: { session: running } })
    await page.getByTestId('here').click()
    await reach(page, 'text-only')
    server.cut()
    await page.getByTestId('away').waitFor()
    await look('9-line-away-text')

    // Away for longer than the seat was kept.
    await server.back({ refused: { code: 'resume-lost' }, welcome: { session: null } })
    await reach(page, 'ended')
    await page.getByText('通话断了').waitFor()
    await look('10-away-too-long')
    const over = { id: consultation, state: 'IN_SERVICE', practiceArea: 'LABOUR', channel: 'video', routeMode: null, createdAt: Date.now(), ringing: 0, choiceUntil: null }
    await server.back({ welcome: { consultation: over } })
    await page.reload()
    await page.getByText('现在还可以评价').waitFor()
    await look('11-over-meanwhile')
    await server.back({ refused: { code: 'unsupported-version' } })
    server.drop()
    await page.getByText('页面已更新').waitFor()
    await look('12-outdated')
    assert.deepEqual(complaints(page), [])
    await page.context().close()
  })

  test(`what disturbs a lawyer's call is said and fits (${name})`, async () => {
    const page = await open()
    const lawyer = { role: 'LAWYER', name: '王建国', id: 'l', totp: false }
    const server = await script(page, {
      api: { 'GET /api/me': lawyer, 'GET /api/sessions': { items: [], next: null }, 'GET /api/matters': { items: [], next: null } },
      welcome: { role: 'LAWYER', name: '王建国', presence: 'AVAILABLE' },
    })
    const far = answerOffers(page, server)
    const look = state => examineIn(page, `disturbed-${name}-lawyer-${state}`, english)
    const talk = more => server.say(session({ you: 'leg-lawyer', ...more }))

    await page.goto(`${site.url}/lawyer/`)
    await page.locator('[data-testid=media-path][data-status=connected]').waitFor()
    for (const device of ['camera', 'microphone']) await take(page, device, 'NotFoundError')
    await page.locator('[data-ok=false]').nth(1).waitFor()
    await look('1-devices-lost')
    for (const device of ['camera', 'microphone']) await plugIn(page, device)
    await page.locator('[data-ok=false]').first().waitFor({ state: 'detached' })
    server.say({ type: 'presence', presence: 'BUSY', missedRings: 0 })
    await page.getByTestId('other-window').waitFor()
    await look('2-other-window')
    server.cut()
    await page.getByTestId('offline').waitFor()
    await look('3-line-away')
    await server.back({ refused: { code: 'overloaded', retryAfter: 1 } })
    await page.getByTestId('crowded').waitFor()
    await look('4-line-crowded')
    await server.back()
    await page.getByTestId('crowded').waitFor({ state: 'detached' })

    talk()
    server.say(chat(1, 'leg-citizen', '老板三个月没发工资了。'))
    await meet(page, server, far, 'leg-citizen')
    await reach(page, 'active')
    await everythingAtOnce(page, server, far, 'leg-citizen')
    talk({ otherMicrophone: 'OFF' })
    await page.getByText('对方已静音').waitFor()
    await look('5-everything-at-once')
    server.cut()
    await page.getByTestId('away').waitFor()
    await look('6-line-away-in-call')
    await server.back()
    await reach(page, 'active')
    server.say({ type: 'error', replyTo: null, code: 'stale-epoch', message: '', retryAfter: null })
    await page.getByTestId('elsewhere').waitFor()
    await look('7-elsewhere')
    await server.back({ welcome: { presence: 'WRAP_UP', outcomeDue: 's' } })
    await page.getByTestId('here').click()
    await reach(page, 'ended')
    await look('8-away-too-long')
    assert.deepEqual(complaints(page), [])
    await page.context().close()
  })
}

/** The other side is mapped to the page's first voice and picture. */
function show(server, slots, leg) {
  server.say({ type: 'slots', slots: slots.map(slot => ({ ...slot, leg })) })
}

/** The other side is seen. */
async function meet(page, server, far, leg) {
  show(server, Object.values(await far), leg)
  await page.waitForFunction(() => document.getElementById('remote-video')?.videoWidth > 0)
}

/** Two devices refused again, no picture, no sound without a tap, and an announcement: the longest words there are. */
async function everythingAtOnce(page, server, far, leg) {
  for (const device of ['camera', 'microphone']) {
    await take(page, device, 'NotAllowedError')
    await page.getByTestId(`regain-${device}`).click()
    await said(page, device, '还是没有打开')
  }
  await forgetTaps(page)
  show(server, [(await far).voice], leg)
  server.say({ type: 'draining' })
  await page.getByTestId('hear').waitFor()
}

/** What is said about a device. */
async function said(page, device, words) {
  await page.locator(`[data-testid=trouble][data-device=${device}]`).filter({ hasText: words }).waitFor()
}

async function forgetTaps(page) {
  await page.evaluate(() => {
    window.tapped = false
  })
}

/** Chromium itself logs a socket that was cut. */
function complaints(page) {
  return page.complaints.filter(text => !text.includes('WebSocket'))
}
