// Two who talk change how they talk, up when both want it and down at a tap; it stays one session and one record.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertAccessible, assertFits } from './lib/judge.js'
import { chatBothWays, closeQuietly, heard, newestRecord, reach, say, seesMore, talk, writeOutcome } from './lib/people.js'
import { browsers, OUTPUT, server, useStage } from './lib/stage.js'

useStage()

test('a question typed goes on face to face, without the picture, and back to typing', async () => {
  const [atHome, atDesk] = browsers
  const { citizen, lawyer } = await talk(atHome, atDesk, server, { channel: 'text' })
  await look(citizen, 'none-phone')

  await ask(lawyer, 'video')
  await wish(citizen, 'theirs')
  await wish(lawyer, 'mine')
  await look(citizen, 'theirs-phone')
  await look(lawyer, 'mine-desktop')
  await citizen.getByTestId('change-agree').click()
  await Promise.all([reach(citizen, 'active'), reach(lawyer, 'active')])
  await Promise.all([citizen, lawyer].flatMap(page => [seesMore(page), heard(page)]))
  await chatBothWays(citizen, lawyer)
  await citizen.getByTestId('change-open').click()
  await look(citizen, 'video-phone')
  await citizen.getByTestId('change-open').click()

  // Down needs nobody's leave, and the camera goes out.
  await ask(citizen, 'voice')
  await lawyer.locator('.talk[data-channel=voice]').waitFor()
  await Promise.all([heard(citizen), heard(lawyer)])
  await ask(citizen, 'video')
  await wish(lawyer, 'theirs')
  await lawyer.getByTestId('change-agree').click()
  await Promise.all([citizen, lawyer].flatMap(page => [seesMore(page), heard(page)]))
  await ask(lawyer, 'text')
  await Promise.all([reach(citizen, 'text-only'), reach(lawyer, 'text-only')])
  await say(citizen, '谢谢您')
  await lawyer.getByTestId('chat-log').getByText('谢谢您').waitFor()

  await citizen.getByTestId('hangup').click()
  await writeOutcome(lawyer)
  const { page: office, record } = await newestRecord(atDesk, server)
  assert.equal(await office.getByTestId('session-row').count(), 1)
  assert.equal(record.channel, 'text')
  assert.ok(record.twoWayS > 0, 'what was spoken counts')
  await closeQuietly(citizen, lawyer, office)
})

test('who says no, or thinks better of it, goes on as before', async () => {
  const [atHome, atDesk] = browsers
  const { citizen, lawyer } = await talk(atHome, atDesk, server, { user: 'lawyer2', channel: 'text' })

  await ask(lawyer, 'voice')
  await wish(citizen, 'theirs')
  await citizen.getByTestId('change-refuse').click()
  await Promise.all([wish(citizen, 'none'), wish(lawyer, 'none')])
  await ask(lawyer, 'voice')
  await wish(citizen, 'theirs')
  await lawyer.getByTestId('change-withdraw').click()
  await Promise.all([wish(citizen, 'none'), wish(lawyer, 'none')])

  await Promise.all([reach(citizen, 'text-only'), reach(lawyer, 'text-only')])
  await chatBothWays(citizen, lawyer)
  await citizen.getByTestId('hangup').click()
  await writeOutcome(lawyer)
  await closeQuietly(citizen, lawyer)
})

/** Opens the choice and takes one. */
async function ask(page, channel) {
  await page.getByTestId('change-open').click()
  await page.getByTestId(`change-${channel}`).click()
}

function wish(page, whose) {
  return page.locator(`[data-testid=change][data-wish=${whose}]`).waitFor()
}

async function look(page, name) {
  await assertAccessible(page, name)
  await assertFits(page, name)
  await page.screenshot({ path: `${OUTPUT}channel-${name}.png` })
}
