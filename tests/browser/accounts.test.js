// Who one is, against the real server: the second factor of the staff, and a citizen's telephone number.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { openWindow, startBrowser } from './lib/browser.js'
import { assertAccessible } from './lib/judge.js'
import { call, closeQuietly, openCitizen, reach, reachFit, signIn } from './lib/people.js'
import { browser, server, useStage } from './lib/stage.js'
import { totp } from './lib/totp.js'

/** One step of the authenticator. */
const STEP_MS = 30_000

useStage(['signaling.give_up_seconds=10'], [startBrowser])

for (const [who, door, login] of [
  ['a lawyer', 'lawyer', () => server.lawyer('lawyer2')],
  ['the office', 'office', () => server.staff('DISPATCHER')],
]) {
  const open = async () => {
    const page = await openWindow(browser)
    await page.goto(`${server.url}/${door}/`)
    await signIn(page, login())
    return page
  }

  test(`${who} switches two-step sign-in on, signs in with it, and switches it off`, async () => {
    const first = await open()
    await first.getByTestId('account').click()
    await first.getByTestId('totp-begin').click()
    const secret = (await first.getByTestId('totp-secret').innerText()).trim()
    await assertAccessible(first, 'enrolment')
    await answer(first, '12345')
    assert.match(await first.locator('p[data-testid=totp-error]').innerText(), /6 位/)
    await answer(first, totp(secret, Date.now() - 10 * STEP_MS))
    assert.match(await first.locator('p[data-testid=totp-error]').innerText(), /不对/)
    // The one before the present one: codes are counted once, and two more are needed.
    await earlyInStep()
    await answer(first, totp(secret, Date.now() - STEP_MS))
    await first.locator('[data-testid=account-card][data-totp=on]').waitFor()
    assert.match(await first.getByTestId('totp-done').innerText(), /已打开/)
    await closeQuietly(first)

    // The password alone does not open any more: the page asks for the code and takes it.
    const page = await open()
    await page.getByTestId('totp').fill(totp(secret, Date.now()))
    await page.getByTestId('login').click()
    await page.getByTestId('account').click()
    await page.getByTestId('totp-stop').click()
    await answer(page, totp(secret, Date.now() + STEP_MS))
    await page.locator('[data-testid=account-card][data-totp=off]').waitFor()
    assert.match(await page.getByTestId('totp-done').innerText(), /已关掉/)
    await assertAccessible(page, 'switched off')
    // Back to where one came from.
    await page.getByTestId('account-close').click()
    assert.equal(await focused(page), 'account')
    await closeQuietly(page)
  })
}

test('a citizen leaves a number while waiting, is told what is wrong, and is never asked again', async () => {
  const citizen = await openCitizen(browser, server)
  await call(citizen, 'text')
  await reachFit(citizen, 'queued')

  await citizen.getByTestId('phone-open').click()
  assert.equal(await focused(citizen), 'phone-number')
  await citizen.getByTestId('phone-number').fill('12345')
  await citizen.getByTestId('phone-send').click()
  assert.match(await citizen.getByTestId('phone-error').innerText(), /11 位/)
  await citizen.getByTestId('phone-number').fill('138 0013 8000')
  await citizen.getByTestId('phone-send').click()
  await citizen.getByTestId('phone-code').waitFor()
  assert.equal(await focused(citizen), 'phone-code')
  await citizen.getByTestId('phone-code').fill(server.demo.smsCode === '000000' ? '111111' : '000000')
  await citizen.getByTestId('phone-confirm').click()
  assert.match(await citizen.getByTestId('phone-error').innerText(), /不对/)
  await assertAccessible(citizen, 'a wrong code')
  await citizen.getByTestId('phone-code').fill(server.demo.smsCode)
  await citizen.getByTestId('phone-confirm').click()

  await citizen.getByTestId('phone-done').waitFor()
  assert.match(await citizen.getByTestId('phone-done').innerText(), /8000/)
  await citizen.reload()
  await reach(citizen, 'queued')
  assert.match(await citizen.getByTestId('phone-done').innerText(), /8000/)
  await citizen.getByTestId('cancel').click()
  await reach(citizen, 'idle')
  await closeQuietly(citizen)
})

test('whoever wished to stay unknown is not offered to leave a number', async () => {
  const citizen = await openCitizen(browser, server)
  await citizen.getByTestId('area-FAMILY').click()
  await citizen.getByTestId('anonymous').check()
  await citizen.getByTestId('channel-text').click()
  await citizen.getByTestId('call').click()
  await reach(citizen, 'queued')

  assert.equal(await citizen.getByTestId('phone').count(), 0)
  await citizen.getByTestId('cancel').click()
  await closeQuietly(citizen)
})

/** So that the code of the step before is good until it has been typed, on a slow machine too. */
async function earlyInStep() {
  const left = STEP_MS - (Date.now() % STEP_MS)
  if (left < STEP_MS / 2) await pause(left)
}

async function answer(page, code) {
  await page.getByTestId('totp-code').fill(code)
  await page.getByTestId('totp-confirm').click()
  // The answer is there when the button is itself again.
  await page.locator('[data-testid=totp-confirm][aria-disabled=true]').waitFor({ state: 'detached' })
}

function focused(page) {
  return page.evaluate(() => document.activeElement?.getAttribute('data-testid'))
}
