// A device goes away in the middle of a call: the call goes on, words say what happened and what to do, and it comes back.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PHONE } from './lib/browser.js'
import { permit, plugIn, sockets, unplug } from './lib/devices.js'
import { assertAccessible, assertFits } from './lib/judge.js'
import { call, chatBothWays, closeQuietly, heard, newestRecord, openCitizen, openDesk, reach, seesMore, writeOutcome } from './lib/people.js'
import { OUTPUT, browsers, server, useStage } from './lib/stage.js'

useStage()

test('a citizen whose camera and microphone are pulled out goes on, is told what to do, and gets them back', async () => {
  const [atHome, atDesk] = browsers
  const { citizen, lawyer } = await talk({ init: sockets })

  await unplug(atHome, citizen, 'camera')
  await said(citizen, 'camera', /摄像头.*声音/)
  await lawyer.getByText('对方没有摄像头').waitFor()
  await heard(lawyer)
  await look(citizen, 'camera-gone-phone')
  // The browser tells that something was plugged in: nobody has to tap.
  await plugIn(citizen, 'camera')
  await gone(citizen, 'camera')
  await seesMore(lawyer)

  await unplug(atHome, citizen, 'microphone')
  await said(citizen, 'microphone', /没有话筒.*打字/)
  await lawyer.getByText('对方的话筒不能用').waitFor()
  await reach(citizen, 'active')
  await Promise.all([heard(citizen), seesMore(citizen), seesMore(lawyer)])
  await chatBothWays(citizen, lawyer)
  await look(citizen, 'microphone-gone-phone')
  await look(lawyer, 'microphone-gone-other-desktop')
  // A browser that does not tell: the button is there, also when it is pressed too early.
  await citizen.getByTestId('regain-microphone').click()
  await said(citizen, 'microphone', /还是没有打开/)
  await plugIn(citizen, 'microphone', { heard: false })
  await citizen.getByTestId('regain-microphone').click()
  await gone(citizen, 'microphone')
  await heard(lawyer)
  await citizen.getByTestId('hangup').click()
  await writeOutcome(lawyer)
  const { page: office, record } = await newestRecord(atDesk, server)

  assert.equal(record.channelUsed, 'video')
  assert.ok(record.twoWayS > 0)
  await closeQuietly(citizen, lawyer, office)
})

test('a lawyer who takes back the permissions goes on, is told what to do, and gets both back by giving them again', async () => {
  const [, atDesk] = browsers
  const { citizen, lawyer } = await talk({ user: 'lawyer2' })

  await permit(atDesk, lawyer, { camera: 'denied', microphone: 'denied' })
  await said(lawyer, 'camera', /摄像头也不能用/)
  await said(lawyer, 'microphone', /浏览器不让用话筒.*打字.*允许/)
  await citizen.getByText('对方的话筒不能用').waitFor()
  await Promise.all([reach(citizen, 'active'), reach(lawyer, 'active'), heard(lawyer), seesMore(lawyer)])
  await chatBothWays(citizen, lawyer)
  await look(lawyer, 'refused-desktop')
  await lawyer.getByTestId('regain-microphone').click()
  await said(lawyer, 'microphone', /还是没有打开/)

  await permit(atDesk, lawyer, { camera: 'granted', microphone: 'granted' })
  await Promise.all([gone(lawyer, 'microphone'), gone(lawyer, 'camera')])
  await Promise.all([heard(citizen), seesMore(citizen)])
  await lawyer.getByTestId('hangup').click()
  await writeOutcome(lawyer)
  await closeQuietly(citizen, lawyer)
})

/** Two who see and hear each other. */
async function talk({ init = null, user = 'lawyer1' } = {}) {
  const [atHome, atDesk] = browsers
  const lawyer = await openDesk(atDesk, server, user)
  const citizen = await openCitizen(atHome, server, { size: PHONE, init })
  await call(citizen, 'video')
  await lawyer.getByTestId('accept').click()
  await Promise.all([reach(citizen, 'active'), reach(lawyer, 'active')])
  await Promise.all([seesMore(citizen), seesMore(lawyer), heard(citizen), heard(lawyer)])
  return { citizen, lawyer }
}

/** What is said about a device. */
async function said(page, device, words) {
  await page.locator(`[data-testid=trouble][data-device=${device}]`).filter({ hasText: words }).waitFor()
}

async function gone(page, device) {
  await page.locator(`[data-testid=trouble][data-device=${device}]`).waitFor({ state: 'detached' })
}

/** In both languages, for the judge and for the eye. */
async function look(page, name) {
  for (const language of ['zh', 'en']) {
    await assertAccessible(page, `${name} ${language}`)
    await assertFits(page, `${name} ${language}`)
    await page.screenshot({ path: `${OUTPUT}devices-${name}-${language}.png` })
    await page.getByTestId('language').click()
  }
}
