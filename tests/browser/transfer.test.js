// Three in a call, each in a browser of its own: asked for, agreed to, all hear and see each other, and whoever was asked in leaves without
// ending it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SMALL_PHONE, startBrowser } from './lib/browser.js'
import { assertAccessible, assertFits } from './lib/judge.js'
import { call, closeQuietly, heard, newestRecord, openCitizen, openDesk, reach, say, seesMore, until, writeOutcome } from './lib/people.js'
import { browsers, OUTPUT, server, useStage } from './lib/stage.js'

useStage([], [startBrowser, startBrowser, startBrowser])

test('a second lawyer is asked into a video call, is seen and heard by both, and leaves', async () => {
  const [atHome, atDesk, beyond] = browsers
  const lawyer = await openDesk(atDesk, server, 'lawyer1')
  const citizen = await openCitizen(atHome, server, { size: SMALL_PHONE })
  await call(citizen, 'video')
  await lawyer.getByTestId('accept').click()
  await Promise.all([reach(citizen, 'active'), reach(lawyer, 'active')])
  const colleague = await openDesk(beyond, server, 'lawyer3')
  await say(citizen, '这句只给律师')
  await lawyer.getByTestId('chat-log').getByText('这句只给律师').waitFor()

  await invite(lawyer, 'INTERPRETER')
  await invitation(citizen, 'asked')
  await look(citizen, 'asked-phone')
  await citizen.getByTestId('third-agree').click()
  await colleague.getByTestId('invited').waitFor()
  await look(colleague, 'invited-desktop')
  await look(lawyer, 'rung-desktop')
  await colleague.getByTestId('come').click()
  await reach(colleague, 'active')
  const everybody = [citizen, lawyer, colleague]
  await Promise.all(everybody.map(page => page.locator('[data-testid=third][data-legs="3"]').waitFor()))

  await Promise.all(everybody.flatMap(page => [seesMore(page), heard(page), seesThird(page)]))
  await say(colleague, '我来翻译')
  await Promise.all([citizen, lawyer].map(page => page.getByTestId('chat-log').getByText('我来翻译').waitFor()))
  await say(citizen, '谢谢')
  await colleague.getByTestId('chat-log').getByText('谢谢').waitFor()
  assert.equal(await colleague.getByTestId('chat-log').getByText('这句只给律师').count(), 0, 'not its to read')
  await look(citizen, 'three-phone')
  await look(lawyer, 'three-desktop')
  await look(colleague, 'three-theirs')

  // A reload keeps the seat.
  await colleague.reload()
  await reach(colleague, 'active')
  await Promise.all([seesThird(citizen), seesThird(colleague), seesMore(colleague)])

  await colleague.getByTestId('hangup').click()
  await reach(colleague, 'idle')
  await citizen.locator('[data-testid=third][data-legs="2"]').waitFor()
  await Promise.all([citizen, lawyer].flatMap(page => [seesMore(page), heard(page)]))
  await citizen.getByTestId('hangup').click()
  await writeOutcome(lawyer)
  const { page: office, record } = await newestRecord(atDesk, server)
  const [, own, third] = record.legs
  assert.equal(own.third, undefined)
  assert.equal(third.third.part, 'INTERPRETER')
  assert.ok(third.third.consentedAt < third.joinedAt && third.joinedAt < third.leftAt && third.leftAt < record.endedAt)
  assert.ok(third.audioAliveS > 0 && record.twoWayS > 0 && record.twoWayS <= record.wallS)
  assert.deepEqual([record.citizenMessages, record.lawyerMessages], [2, 0], 'what the third typed is not the lawyer’s')
  await closeQuietly(...everybody, office)
})

test('the citizen says no, says yes, and takes the consent back', async () => {
  const [atHome, atDesk, beyond] = browsers
  const lawyer = await openDesk(atDesk, server, 'lawyer1')
  const citizen = await openCitizen(atHome, server)
  await call(citizen, 'voice')
  await lawyer.getByTestId('accept').click()
  await Promise.all([reach(citizen, 'active'), reach(lawyer, 'active')])
  const colleague = await openDesk(beyond, server, 'lawyer3')

  await invite(lawyer, 'HELPER')
  await invitation(citizen, 'asked')
  await citizen.getByTestId('third-refuse').click()
  await lawyer.getByTestId('third-closed').waitFor()
  assert.equal(await colleague.getByTestId('invited').count(), 0)
  await invite(lawyer, 'HELPER')
  await invitation(citizen, 'asked')
  await citizen.getByTestId('third-agree').click()
  await colleague.getByTestId('come').click()
  await reach(colleague, 'active')
  await Promise.all([heard(citizen), heard(colleague)])
  await citizen.getByTestId('third-remove').click()
  await colleague.getByTestId('closed').waitFor()
  await look(colleague, 'removed-desktop')
  await Promise.all([heard(citizen), heard(lawyer)])
  await citizen.getByTestId('hangup').click()
  await writeOutcome(lawyer)
  await closeQuietly(citizen, lawyer, colleague)
})

/** Asks the one colleague who is free. */
async function invite(lawyer, part) {
  await lawyer.getByTestId('invite-open').click()
  await lawyer.getByTestId('invite-part').selectOption(part)
  await lawyer.getByTestId('invite').click()
}

function invitation(page, stands) {
  return page.locator(`[data-testid=third][data-invitation=${stands}]`).waitFor()
}

/** The small picture goes on. */
async function seesThird(page) {
  const shown = () =>
    page.evaluate(() => {
      const video = document.getElementById('third-video-0')
      return video?.videoWidth > 0 ? video.getVideoPlaybackQuality().totalVideoFrames : 0
    })
  const before = await shown()
  await until(async () => (await shown()) > before + 5, 'the small picture stands still')
}

async function look(page, name) {
  await assertAccessible(page, name)
  await assertFits(page, name)
  await page.screenshot({ path: `${OUTPUT}third-${name}.png` })
}
