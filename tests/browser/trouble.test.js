// What goes wrong on an ordinary day: no camera, no microphone, nobody there, a change of mind.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, afterEach, before, test } from 'node:test'
import { openWindow, PHONE, startBrowser } from './lib/browser.js'
import { call, chatBothWays, closeAll, closeQuietly, openCitizen, openDesk, openOffice, reach, received, writeOutcome } from './lib/people.js'
import { startServer } from './lib/server.js'

let server
let browser
before(async () => {
  server = await startServer(['signaling.give_up_seconds=10'])
  browser = await startBrowser()
})
// A failed test leaves nobody on duty for the next one.
afterEach(() => closeAll(browser))
after(async () => {
  await browser?.close()
  await server?.stop()
})

test('without a camera the call goes on by voice, and the page says so', async () => {
  const cameraless = await startBrowser({ devices: false, args: ['--use-fake-device-for-media-stream=device-count=0'] })
  const lawyer = await openDesk(browser, server)
  const citizen = await openCitizen(cameraless, server)

  await call(citizen, 'video')
  await citizen.getByTestId('trouble').waitFor()
  await lawyer.getByTestId('accept').click()
  await Promise.all([reach(citizen, 'active'), reach(lawyer, 'active')])

  assert.match(await citizen.getByTestId('trouble').innerText(), /摄像头.*声音/)
  assert.equal(await citizen.getByTestId('camera').isDisabled(), true)
  await lawyer.getByText('对方没有摄像头').waitFor()
  await citizen.waitForFunction(() => window.seen.firstFrameAt > 0)
  await lawyer.waitForTimeout(1_000)
  assert.ok((await received(lawyer)).audioPackets > 0)
  await citizen.getByTestId('hangup').click()
  await writeOutcome(lawyer)
  await closeQuietly(citizen, lawyer)
  await cameraless.close()
})

test('a refused microphone turns the call into text, and the page says so', async () => {
  const lawyer = await openDesk(browser, server)
  const citizen = await openCitizen(browser, server, { permissions: [] })

  await call(citizen, 'video')
  await citizen.getByTestId('trouble').waitFor()
  await lawyer.getByTestId('accept').click()
  await Promise.all([reach(citizen, 'text-only'), reach(lawyer, 'text-only')])

  assert.match(await citizen.getByTestId('trouble').innerText(), /话筒.*文字/)
  await chatBothWays(citizen, lawyer)
  await lawyer.getByTestId('hangup').click()
  await writeOutcome(lawyer)
  await closeQuietly(citizen, lawyer)
})

test('a lawyer declines with a reason and is not rung again by the same call', async () => {
  const lawyer = await openDesk(browser, server)
  const citizen = await openCitizen(browser, server)

  await call(citizen, 'voice')
  await lawyer.getByTestId('offer').waitFor()
  await lawyer.getByTestId('decline-reason').selectOption('OUT_OF_FIELD')
  await lawyer.getByTestId('decline').click()

  await lawyer.getByTestId('closed').waitFor()
  await reach(lawyer, 'idle')
  await reach(citizen, 'ended', 15_000)
  await citizen.getByTestId('again').waitFor()
  await citizen.getByTestId('try-text').waitFor()
  await closeQuietly(citizen, lawyer)
})

test('a citizen who stops waiting stops the ring', async () => {
  const lawyer = await openDesk(browser, server)
  const citizen = await openCitizen(browser, server)

  await call(citizen, 'voice')
  await lawyer.getByTestId('offer').waitFor()
  await citizen.getByTestId('cancel').click()

  await reach(citizen, 'idle')
  await reach(lawyer, 'idle')
  assert.match(await lawyer.getByTestId('closed').innerText(), /取消/)
  await closeQuietly(citizen, lawyer)
})

test('with nobody on duty the citizen is told in words and may try again or write', async () => {
  const citizen = await openCitizen(browser, server)

  await call(citizen, 'voice')
  await reach(citizen, 'queued')
  await reach(citizen, 'ended', 15_000)

  assert.match(await citizen.locator('main').innerText(), /没有律师接听/)
  await citizen.getByTestId('again').click()
  await reach(citizen, 'queued')
  await citizen.getByTestId('cancel').click()
  await reach(citizen, 'idle')
  await closeQuietly(citizen)
})

test('a second tab of the same citizen takes over, and the first says so', async () => {
  const first = await openCitizen(browser, server)
  await call(first, 'text')
  await reach(first, 'queued')

  const second = await first.context().newPage()
  await second.goto(`${server.url}/`)

  await reach(second, 'queued')
  await first.getByTestId('elsewhere').waitFor()
  await second.getByTestId('cancel').click()
  await reach(second, 'idle')
  await closeQuietly(first)
})

test('a wrong password is refused in words', async () => {
  const page = await openWindow(browser, { size: PHONE })
  await page.goto(`${server.url}/lawyer/`)
  await page.getByTestId('user').fill('lawyer8')
  await page.getByTestId('password').fill('wrong')
  await page.getByTestId('login').click()

  assert.match(await page.getByTestId('login-error').innerText(), /不对/)
  await closeQuietly(page)
})

test('an account with a second factor asks for its code and takes it', async () => {
  const first = await openOffice(browser, server, 'DISPATCHER')
  await first.getByTestId('sessions').waitFor()
  const secret = await first.evaluate(async () => {
    const headers = { 'Yunfa-Door': 'office', 'Content-Type': 'application/json' }
    const response = await fetch('/api/totp', { method: 'POST', headers, body: '{}' })
    return new URL((await response.json()).otpauthUrl).searchParams.get('secret')
  })
  const confirmed = await first.evaluate(async code => {
    const headers = { 'Yunfa-Door': 'office', 'Content-Type': 'application/json' }
    return (await fetch('/api/totp/confirm', { method: 'POST', headers, body: JSON.stringify({ code }) })).status
  }, totp(secret, Date.now()))
  await closeQuietly(first)

  const page = await openOffice(browser, server, 'DISPATCHER')
  // A step counts once, so the code of the next one is shown; clocks may differ by a step.
  await page.getByTestId('totp').fill(totp(secret, Date.now() + 30_000))
  await page.getByTestId('login').click()

  await page.getByTestId('sessions').waitFor()
  assert.equal(confirmed, 204)
  await closeQuietly(page)
})

test('a browser that refuses to play without a tap gets one big button, and the voice comes', async () => {
  const lawyer = await openDesk(browser, server)
  const citizen = await openCitizen(browser, server)
  // Chromium lets a page that captures play at once; in-app browsers do not. This one behaves like them.
  await citizen.addInitScript(() => {
    const play = HTMLMediaElement.prototype.play
    let tapped = false
    document.addEventListener('click', () => {
      tapped = true
    }, true)
    HTMLMediaElement.prototype.play = function () {
      const may = this.muted || tapped
      return may ? play.call(this) : Promise.reject(new DOMException('no tap yet', 'NotAllowedError'))
    }
  })
  await call(citizen, 'voice')
  await lawyer.getByTestId('accept').click()
  await Promise.all([reach(citizen, 'active'), reach(lawyer, 'active')])

  // After a reload nobody has touched the page yet.
  await citizen.reload()
  await reach(citizen, 'active')
  await citizen.getByTestId('hear').click()

  await citizen.getByTestId('hear').waitFor({ state: 'detached' })
  assert.equal(await citizen.getByTestId('remote-video').evaluate(video => video.paused), false)
  await citizen.getByTestId('hangup').click()
  await writeOutcome(lawyer)
  await closeQuietly(citizen, lawyer)
})

/** RFC 6238 with SHA-1, six digits and steps of 30 s. */
function totp(base32, at) {
  const bits = [...base32].map(letter => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'))
  const key = Buffer.from(bits.join('').match(/.{8}/g).map(byte => Number.parseInt(byte, 2)))
  const step = Buffer.alloc(8)
  step.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)))
  const hash = createHmac('sha1', key).update(step).digest()
  const offset = hash[19] & 0xf
  return String((hash.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}
