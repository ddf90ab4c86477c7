// What goes wrong on an ordinary day: no camera, no microphone, nobody there, a change of mind.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openWindow, PHONE, startBrowser } from './lib/browser.js'
import { playOnlyAfterTap } from './lib/devices.js'
import { assertAccessible, assertFits } from './lib/judge.js'
import { call, chatBothWays, closeQuietly, heard, openCitizen, openDesk, reach, reachFit, received, writeOutcome } from './lib/people.js'
import { browser, server, useStage } from './lib/stage.js'

useStage(['signaling.give_up_seconds=10'], [startBrowser])

test('without a camera the call goes on by voice, and the page says so', async () => {
  const cameraless = await startBrowser({ devices: false, args: ['--use-fake-device-for-media-stream=device-count=0'] })
  const lawyer = await openDesk(browser, server)
  const citizen = await openCitizen(cameraless, server)

  await call(citizen, 'video')
  await citizen.getByTestId('trouble').waitFor()
  await lawyer.getByTestId('accept').click()
  await Promise.all([reachFit(citizen, 'active'), reachFit(lawyer, 'active')])

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
  await Promise.all([reachFit(citizen, 'text-only'), reachFit(lawyer, 'text-only')])

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
  await reachFit(lawyer, 'idle')
  await reachFit(citizen, 'unanswered')
  await citizen.getByTestId('cancel').click()
  await reachFit(citizen, 'idle')
  await closeQuietly(citizen, lawyer)
})

test('a citizen who stops waiting stops the ring', async () => {
  const lawyer = await openDesk(browser, server)
  const citizen = await openCitizen(browser, server)

  await call(citizen, 'voice')
  await lawyer.getByTestId('offer').waitFor()
  await citizen.getByTestId('cancel').click()

  await reachFit(citizen, 'idle')
  await reachFit(lawyer, 'idle')
  assert.match(await lawyer.getByTestId('closed').innerText(), /取消/)
  await closeQuietly(citizen, lawyer)
})

test('with nobody on duty the citizen is told in words and may wait on or write', async () => {
  const citizen = await openCitizen(browser, server)

  await call(citizen, 'voice')
  await reachFit(citizen, 'queued')
  await reachFit(citizen, 'unanswered')

  assert.match(await citizen.locator('main').innerText(), /没有律师接听/)
  await citizen.getByTestId('keep-waiting').click()
  await reachFit(citizen, 'queued')
  await reachFit(citizen, 'unanswered')
  await citizen.getByTestId('leave-question').click()
  await citizen.getByTestId('ask-send').waitFor()
  await assertAccessible(citizen, 'a question instead')
  await assertFits(citizen, 'a question instead')
  await closeQuietly(citizen)
})

test('a second tab of the same citizen takes over, and the first says so', async () => {
  const first = await openCitizen(browser, server)
  await call(first, 'text')
  await reachFit(first, 'queued')

  const second = await first.context().newPage()
  await second.goto(`${server.url}/`)

  await reachFit(second, 'queued')
  await first.getByTestId('elsewhere').waitFor()
  await second.getByTestId('cancel').click()
  await reachFit(second, 'idle')
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

for (const who of ['citizen', 'lawyer']) {
  test(`a ${who}'s browser that refuses to play without a tap gets one big button, and the voice comes`, async () => {
    const lawyer = await openDesk(browser, server)
    const citizen = await openCitizen(browser, server)
    const page = who === 'citizen' ? citizen : lawyer
    await page.addInitScript(playOnlyAfterTap)
    await call(citizen, 'voice')
    await lawyer.getByTestId('accept').click()
    await Promise.all([reachFit(citizen, 'active'), reachFit(lawyer, 'active')])

    // After a reload nobody has touched the page yet.
    await page.reload()
    await reach(page, 'active')
    await page.getByTestId('hear').waitFor()
    await reachFit(page, 'active')
    await page.getByTestId('hear').click()

    await page.getByTestId('hear').waitFor({ state: 'detached' })
    assert.equal(await page.getByTestId('remote-video').evaluate(video => video.paused), false)
    await heard(page)
    await citizen.getByTestId('hangup').click()
    await writeOutcome(lawyer)
    await closeQuietly(citizen, lawyer)
  })
}
