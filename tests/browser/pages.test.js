// Every state of every page, in both languages: no accessibility violation, no console error, and a picture to look at.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openWindow } from './lib/browser.js'
import { browser, examine, reach, site, useSite, WINDOWS } from './lib/looks.js'
import { chat, DIRECTORY, RECORD, row, script, session } from './lib/scripted.js'

/** A matter that was rated and is being followed up. */
const MATTER = {
  matter: '0192f3c4-0000-7000-8000-000000000001',
  kind: 'CONSULTATION',
  state: 'FOLLOW_UP',
  grade: 'NORMAL',
  incident: null,
  previous: null,
  practiceArea: 'LABOUR',
  area: '990121101202',
  areaName: '石桥村',
  latest: '0192f3c4-0000-7000-8000-000000000001',
  channel: 'video',
  endedAt: 1_773_194_500_000,
  lawyer: { id: 'l', name: '王建国' },
  openedAt: 1_773_194_400_000,
  settledAt: null,
  rating: { stars: 2, ratedAt: 1_773_194_500_000, amendedStars: null, amendedAt: null, voidedAt: null },
  followUp: { id: 'f', state: 'ASSIGNED' },
  appeal: null,
  may: { rate: false, rerate: false, complain: false, reopen: null, appealUntil: 1_773_651_600_000 },
}

useSite()

/** `YUNFA_TEST_LOOK=all` takes every page in both languages, for a designer's eye. */
const LOOKED_AT = process.env.YUNFA_TEST_LOOK === 'all' ? WINDOWS.flatMap(([name, size, , large]) => [[name, size, false, large], [name, size, true, large]]) : WINDOWS

for (const [name, size, english, large] of LOOKED_AT) {
  const tag = `${name}-${english ? 'en' : 'zh'}`
  const open = (more = {}) => openWindow(browser, { size, english, large, ...more })

  test(`the citizen's states are accessible (${tag})`, async () => {
    const page = await open()
    const server = await script(page)
    const look = state => examine(page, `${tag}-citizen-${state}`)

    await page.goto(`${site.url}/`)
    await page.getByText('2026-11').waitFor({ state: 'attached' })
    await look('1-what')
    await page.getByTestId('area-LABOUR').click()
    await look('2-how')
    await page.getByTestId('notice').click()
    await look('2-notice')
    await page.getByTestId('call').click()
    const { consultation: id } = await server.heard('requestConsultation')
    const matter = { type: 'consultation', id, practiceArea: 'LABOUR', channel: 'video', routeMode: 'BROADCAST', createdAt: Date.now(), choiceUntil: null }
    await page.getByTestId('local-video').waitFor()
    server.say({ ...matter, state: 'MATCHING', ringing: 0 })
    server.say({ type: 'queue', consultation: id, place: 2, onDuty: 4, expectedS: 150, until: Date.now() + 52_000 })
    await page.getByTestId('place').waitFor()
    await look('3-queue')
    server.say({ ...matter, state: 'MATCHING', ringing: 3 })
    await reach(page, 'ringing')
    await look('3-wait')
    server.say({ ...matter, state: 'UNSERVED', ringing: 0, choiceUntil: Date.now() + 600_000 })
    await reach(page, 'unanswered')
    await look('3-unanswered')
    server.say({ ...matter, state: 'ON_HOLD', ringing: 0 })
    server.say({ type: 'queue', consultation: id, place: 1, onDuty: 0, expectedS: null, until: Date.now() + 86_000_000 })
    await reach(page, 'held')
    await look('3-held')
    server.say(session({ consultation: id, state: 'CONNECTING', activeSince: null, callBack: true }))
    await reach(page, 'called')
    await look('3-called')
    server.say({ type: 'sessionEnded', session: 's', consultation: id, reason: 'NOT_ANSWERED', twoWayS: 0, outcomeDue: false })
    server.say({ ...matter, state: 'ON_HOLD', ringing: 0 })
    await reach(page, 'held')
    await page.getByTestId('keep-waiting').click()
    await server.heard('keepWaiting')
    server.say({ ...matter, state: 'MATCHING', ringing: 1 })
    await reach(page, 'ringing')
    server.say({ ...matter, state: 'ASSIGNED', ringing: 0 })
    await reach(page, 'connecting')
    await look('4-connecting')
    server.say(session({ consultation: id, state: 'CONNECTING', activeSince: null }))
    await page.getByTestId('hangup').waitFor()
    await look('4-joining')
    server.say(session({ consultation: id }))
    server.say(chat(1, 'leg-citizen', english ? 'My boss has not paid me for three months.' : '老板三个月没发工资了。'))
    server.say(chat(2, 'leg-lawyer', english ? 'Do you have a contract or pay slips?' : '您有劳动合同或者工资条吗？先拍照留好。'))
    await reach(page, 'active')
    await look('4-video')
    await page.getByTestId('camera').click()
    await page.getByTestId('mute').click()
    server.say(session({ consultation: id, otherMicrophone: 'OFF', otherCamera: 'OFF' }))
    await page.locator('.notes p').first().waitFor()
    await look('4-video-off')
    server.say(session({ consultation: id, channel: 'voice' }))
    await look('5-voice')
    server.say(session({ consultation: id, state: 'RECONNECTING', otherState: 'INTERRUPTED', seatUntil: Date.now() + 50_000 }))
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

  test(`what goes wrong for a citizen is accessible (${tag})`, async () => {
    const page = await open()
    const server = await script(page, {
      api: {
        'GET /api/directory': [503, { code: 'unavailable' }],
        'POST /api/citizen/phone/code': [202, undefined],
        'POST /api/citizen/phone': [400, { code: 'wrong-code' }],
      },
    })
    const look = state => examine(page, `${tag}-citizen-wrong-${state}`)

    await page.goto(`${site.url}/`)
    await page.getByRole('alert').waitFor()
    await look('1-directory')
    server.answer('GET /api/directory', DIRECTORY)
    await page.getByRole('alert').getByRole('button').click()
    await page.getByText('2026-11').waitFor({ state: 'attached' })
    // A browser that asks for the camera, and somebody who has not answered yet.
    await page.evaluate(() => {
      window.capture = navigator.mediaDevices.getUserMedia
      navigator.mediaDevices.getUserMedia = () => new Promise(() => {})
    })
    await page.getByTestId('area-OTHER').click()
    await page.getByTestId('call').click()
    await page.getByTestId('cancel').waitFor()
    await look('2-permission')
    await page.getByTestId('cancel').click()
    await page.getByTestId('area-OTHER').click()
    await page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = async () => {
        throw new DOMException('no', 'NotAllowedError')
      }
    })
    await page.getByTestId('call').click()
    const { consultation: id } = await server.heard('requestConsultation')
    const matter = { type: 'consultation', id, practiceArea: 'OTHER', channel: 'text', routeMode: 'BROADCAST', createdAt: Date.now(), ringing: 0, choiceUntil: null }
    server.say({ ...matter, state: 'MATCHING' })
    server.say({ type: 'queue', consultation: id, place: 1, onDuty: 0, until: Date.now() + 52_000 })
    await page.getByTestId('trouble').waitFor()
    await look('3-nobody-on-duty')
    await page.getByTestId('phone-open').click()
    await page.getByTestId('phone-number').fill('138')
    await page.getByTestId('phone-send').click()
    await page.getByTestId('phone-error').waitFor()
    await look('4-phone-number')
    await page.getByTestId('phone-number').fill('138 0013 8000')
    await page.getByTestId('phone-send').click()
    await page.getByTestId('phone-code').fill('000000')
    await page.getByTestId('phone-confirm').click()
    await page.getByTestId('phone-error').waitFor()
    await look('5-phone-code')
    server.answer('POST /api/citizen/phone', { identityMode: 'PHONE' })
    await page.getByTestId('phone-confirm').click()
    await page.getByTestId('phone-done').waitFor()
    server.say({ ...matter, state: 'UNSERVED' })
    await reach(page, 'ended')
    await look('6-missed')
    await page.getByTestId('again').click()
    await server.heard('requestConsultation', 2)
    server.cut()
    await page.getByTestId('offline').waitFor()
    await look('7-offline')
    assert.deepEqual(page.complaints.filter(text => !text.includes('WebSocket')), [])
    await page.context().close()
  })

  test(`the lawyer's states are accessible (${tag})`, async () => {
    const page = await open()
    const server = await script(page, {
      api: {
        'POST /api/login': [429, { code: 'rate-limited' }],
        'POST /api/totp': { otpauthUrl: 'otpauth://totp/x:lawyer1?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=x' },
        'POST /api/totp/confirm': [400, { code: 'wrong-code' }],
        'GET /api/sessions': { items: [row(0), row(1), row(2)], next: null },
        'GET /api/matters': { items: [MATTER], next: null },
        'GET /api/conflicts': { incidents: 2 },
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
    await page.getByTestId('login-error').waitFor()
    await look('1-locked-out')
    server.answer('POST /api/login', [401, { code: 'totp-required' }])
    await page.getByTestId('login').click()
    await page.getByTestId('totp').waitFor()
    await look('1-totp')
    await page.getByTestId('totp').fill('123456')
    server.answer('POST /api/login', { role: 'LAWYER', name: '王建国', id: 'l', door: 'lawyer' })
    server.answer('GET /api/me', { role: 'LAWYER', name: '王建国', id: 'l', totp: false })
    await page.getByTestId('login').click()
    await page.getByTestId('session-row').first().waitFor()
    await look('2-off')
    await page.getByTestId('account').click()
    await page.getByTestId('totp-begin').click()
    await page.getByTestId('totp-code').fill('123456')
    await page.getByTestId('totp-confirm').click()
    await page.locator('p[data-testid=totp-error]').waitFor()
    await look('2-account')
    await page.getByTestId('account-close').click()
    await page.getByTestId('duty').click()
    await server.heard('setPresence')
    server.say({ type: 'presence', presence: 'AVAILABLE', missedRings: 0 })
    await page.getByTestId('local-video').waitFor()
    await look('3-on')
    const offer = { type: 'offered', id: 'o', practiceArea: 'LABOUR', channel: 'video', routeMode: 'DIRECT', grade: 'NORMAL', callBack: true, locality: '青驼镇河西村' }
    server.say({ type: 'presence', presence: 'RINGING', missedRings: 0 })
    server.say({ ...offer, createdAt: Date.now() - 5_000, expiresAt: Date.now() + 40_000 })
    await reach(page, 'ringing')
    await look('4-rung')
    await page.getByTestId('accept').click()
    await server.heard('acceptOffer')
    server.say(session({ you: 'leg-lawyer' }))
    server.say(chat(1, 'leg-citizen', '老板三个月没发工资了。'))
    await reach(page, 'active')
    await look('5-talk')
    server.say(session({ you: 'leg-lawyer', state: 'RECONNECTING', otherState: 'INTERRUPTED', seatUntil: Date.now() + 50_000 }))
    await reach(page, 'reconnecting')
    await look('5-reconnecting')
    server.say({ type: 'presence', presence: 'WRAP_UP', missedRings: 0 })
    server.say({ type: 'sessionEnded', session: 's', consultation: 'c', reason: 'CITIZEN_HUNG_UP', twoWayS: 83, outcomeDue: true })
    await reach(page, 'ended')
    await look('6-outcome')
    await page.getByTestId('finish').click()
    await page.getByRole('alert').waitFor()
    await look('6-outcome-missing')
    await page.getByTestId('outcome').selectOption('ADVICE_GIVEN')
    await page.getByTestId('finish').click()
    server.say({ type: 'presence', presence: 'BREAK', missedRings: 2 })
    await reach(page, 'idle')
    await look('7-break')
    assert.deepEqual(page.complaints, [])
    await page.context().close()
  })

  test(`the office's states are accessible (${tag})`, async () => {
    const page = await open()
    await script(page, {
      api: {
        'POST /api/login': { role: 'SUPERVISOR', name: '李督', id: 's', door: 'office' },
        'GET /api/floors': { items: [] },
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
