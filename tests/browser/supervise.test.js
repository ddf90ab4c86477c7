// A supervisor ends a session: both sides are told so, nobody is told why, and the office never sees what was said.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertAccessible, assertFits } from './lib/judge.js'
import { closeQuietly, openOffice, reach, say, talk, writeOutcome } from './lib/people.js'
import { browsers, OUTPUT, server, useStage } from './lib/stage.js'

useStage()

test('a supervisor ends a session with a reason, and both sides see that it was ended', async () => {
  const [atHome, atDesk] = browsers
  const { citizen, lawyer } = await talk(atHome, atDesk, server, { channel: 'text' })
  await say(citizen, '骂人的话')
  const office = await openOffice(atDesk, server)

  await office.getByTestId('end-session').click()
  await assertAccessible(office, 'end-form')
  await assertFits(office, 'end-form')
  await office.screenshot({ path: `${OUTPUT}supervise-form-desktop.png` })
  await office.getByTestId('end-confirm').click()
  await office.getByText('请先写明理由。').waitFor()
  await office.getByTestId('end-reason').fill('谩骂律师')
  await office.getByTestId('end-confirm').click()

  await Promise.all([reach(citizen, 'ended'), reach(lawyer, 'ended')])
  await citizen.getByText('管理人员因故结束了通话。').waitFor()
  await citizen.screenshot({ path: `${OUTPUT}supervise-ended-phone.png` })
  assert.equal(await office.getByText('骂人的话').count(), 0)
  await office.getByTestId('end-form').waitFor({ state: 'detached' })
  await writeOutcome(lawyer, 'ABUSE')
  await closeQuietly(citizen, lawyer, office)
})
