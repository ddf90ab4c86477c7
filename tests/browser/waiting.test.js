// Waiting in the real server: at the limit one is called back, and of five desks that accept at once one has the call.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { call, chatBothWays, openCitizen, openDesk, reach, reachFit } from './lib/people.js'
import { browsers, OUTPUT, server, useStage } from './lib/stage.js'

// The shortest patience that can be set, so that its end is soon; a call back rings as long as a busy machine may need.
useStage(['signaling.give_up_seconds=10', 'signaling.call_back_pause_seconds=5', 'signaling.answer_seconds=300', 'signaling.connect_seconds=60'])

test('whom nobody answered is called back, answers, and is seen and heard', async () => {
  const citizen = await openCitizen(browsers[1], server)
  await call(citizen, 'video')
  await reachFit(citizen, 'unanswered')
  await citizen.screenshot({ path: `${OUTPUT}waiting-unanswered.png`, fullPage: true })
  await citizen.getByTestId('call-me-back').click()
  await reachFit(citizen, 'held')
  assert.equal(await citizen.getByTestId('local-video').count(), 0, 'nobody is filmed while there is no call')
  await citizen.screenshot({ path: `${OUTPUT}waiting-held.png`, fullPage: true })

  const desk = await openDesk(browsers[0], server, 'lawyer1', { onDuty: false })
  await desk.getByTestId('duty').click()
  await desk.getByTestId('call-back').waitFor()
  await desk.screenshot({ path: `${OUTPUT}waiting-offer.png`, fullPage: true })
  await desk.locator('[data-testid=media-path][data-status=connected]').waitFor()
  await desk.getByTestId('accept').click()
  await desk.getByTestId('calling').waitFor()
  await reachFit(citizen, 'called')
  await citizen.screenshot({ path: `${OUTPUT}waiting-called.png`, fullPage: true })
  await desk.screenshot({ path: `${OUTPUT}waiting-calling.png`, fullPage: true })
  await citizen.getByTestId('answer').click()

  await Promise.all([reach(citizen, 'active'), reach(desk, 'active')])
  assert.equal(await desk.getByTestId('calling').count(), 0)
  await citizen.getByTestId('hangup').click()
  await Promise.all([reach(citizen, 'ended'), reach(desk, 'ended')])
  assert.deepEqual([citizen, desk].flatMap(page => page.complaints), [])
})

test('a call at a bad moment is put off, and whoever has time again waits in front of the page', async () => {
  const desk = await openDesk(browsers[0], server, 'lawyer2')
  const citizen = await openCitizen(browsers[1], server)
  await desk.getByTestId('break').click()
  await desk.locator('[data-testid=presence][data-presence=BREAK]').waitFor()
  await call(citizen, 'voice')
  await reach(citizen, 'unanswered')
  await citizen.getByTestId('call-me-back').click()
  await reach(citizen, 'held')
  await desk.getByTestId('back').click()
  await desk.getByTestId('accept').click()
  await reach(citizen, 'called')
  await citizen.getByTestId('not-now').click()
  await reach(citizen, 'held')
  await desk.getByTestId('closed').waitFor()

  await citizen.getByTestId('keep-waiting').click()
  await desk.getByTestId('accept').click()
  await Promise.all([reach(citizen, 'active'), reach(desk, 'active')])
  assert.deepEqual([citizen, desk].flatMap(page => page.complaints), [])
})

/** In the page: accepts then, if it still rings. */
function acceptAt(at) {
  const accept = () => document.querySelector('[data-testid=accept]')?.click()
  return new Promise(done => setTimeout(() => done(accept()), at - Date.now()))
}

test('a grab race of five desks has one winner', async () => {
  const desks = []
  // Those of the county who have not talked in the tests before.
  for (const user of ['lawyer3', 'lawyer4', 'lawyer5', 'lawyer6', 'lawyer7']) desks.push(await openDesk(browsers[0], server, user))
  const citizen = await openCitizen(browsers[1], server)
  // Everybody's field: the five who are there ring together.
  await call(citizen, 'text', 'OTHER')
  await Promise.all(desks.map(desk => desk.getByTestId('accept').waitFor()))

  // At one moment, by each page's own clock: a driver that is slow to reach the fifth page would let the first one win unchallenged.
  const at = Date.now() + 2_000
  await Promise.all(desks.map(desk => desk.evaluate(acceptAt, at)))
  await reach(citizen, 'text-only')

  const outcome = desk =>
    Promise.race([
      desk.locator('[data-testid=state][data-state=text-only]').waitFor().then(() => 'won'),
      desk.getByTestId('closed').waitFor().then(() => 'lost'),
    ])
  const outcomes = await Promise.all(desks.map(outcome))
  assert.deepEqual(outcomes.toSorted(), ['lost', 'lost', 'lost', 'lost', 'won'])
  const losers = desks.filter((_, index) => outcomes[index] === 'lost')
  await Promise.all(losers.map(desk => desk.locator('[data-testid=presence][data-presence=AVAILABLE]').waitFor()))
  await chatBothWays(citizen, desks[outcomes.indexOf('won')])
  assert.deepEqual([citizen, ...desks].flatMap(page => page.complaints), [])
})
