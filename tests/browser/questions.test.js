// A text question in the pages: one question answered by three lawyers within the clock, asked on, amended, and gone on with as a call.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertAccessible, assertFits } from './lib/judge.js'
import { call, closeQuietly, openCitizen, openDesk, reach } from './lib/people.js'
import { browsers, OUTPUT, server, useStage } from './lib/stage.js'

const STORY = '老板三个月没发工资了，我应该怎么办？'
const ADVICE = '先收集工资条、考勤和聊天记录，再向劳动监察大队投诉；不成再申请劳动仲裁，不收费。'
/** Ten minutes are promised. */
const PROMISE_MS = 600_000

useStage()

async function examine(page, name) {
  await page.evaluate(() => window.scrollTo(0, 0))
  await assertAccessible(page, name)
  await assertFits(page, name)
  await page.screenshot({ path: `${OUTPUT}questions-${name}.png`, fullPage: true })
}

async function ask(citizen, text = STORY) {
  await citizen.getByTestId('area-LABOUR').click()
  await citizen.getByTestId('leave-question').click()
  await citizen.getByTestId('ask-text').fill(text)
  await citizen.getByTestId('ask-send').click()
  await citizen.getByTestId('question-state').waitFor()
}

async function answer(desk, text = ADVICE) {
  await desk.getByTestId('claim').first().click()
  await desk.getByText(STORY).waitFor()
  await desk.getByTestId('held').waitFor()
  await desk.getByTestId('answer').fill(text)
  await desk.getByTestId('answer-send').click()
  await desk.getByTestId('answer-done').waitFor()
}

const answers = (page, n) => page.locator(`[data-testid=question-state][data-answers="${n}"]`)

test('one question is answered by three lawyers within the clock, asked on, and closed', async () => {
  const citizen = await openCitizen(browsers[0], server)
  await citizen.getByTestId('area-LABOUR').click()
  await citizen.getByTestId('leave-question').click()
  await examine(citizen, 'ask')
  await citizen.getByTestId('ask-send').click()
  await citizen.locator('[role=alert]').waitFor()
  await citizen.getByTestId('ask-text').fill(STORY)
  const asked = Date.now()
  await citizen.getByTestId('ask-send').click()
  await citizen.getByTestId('question-state').waitFor()
  await examine(citizen, 'waits')

  // Off duty is enough to write.
  const desks = []
  for (const user of ['lawyer1', 'lawyer2', 'lawyer3']) desks.push(await openDesk(browsers[1], server, user, { onDuty: false }))
  await desks[0].getByTestId('open-question').first().waitFor()
  await examine(desks[0], 'open')
  await desks[0].getByTestId('claim').first().click()
  await desks[0].getByText(STORY).waitFor()
  await examine(desks[0], 'write')
  await desks[0].getByTestId('answer').fill('太短')
  await desks[0].getByTestId('answer-send').click()
  await desks[0].locator('[role=alert]').waitFor()
  await desks[0].getByTestId('answer').fill(ADVICE)
  await desks[0].getByTestId('answer-legal-aid').check()
  await desks[0].getByTestId('answer-send').click()
  await desks[0].getByTestId('answer-done').waitFor()
  await answers(citizen, 1).waitFor()
  await answer(desks[1])
  await answers(citizen, 2).waitFor()
  await answer(desks[2])
  await answers(citizen, 3).waitFor()
  assert.ok(Date.now() - asked < PROMISE_MS, 'three answers within ten minutes')
  assert.equal(await citizen.locator('[data-testid=question-text][data-kind=ANSWER]').count(), 3)
  await citizen.locator('[data-testid=question-state][data-state=ANSWERED]').waitFor()
  await examine(citizen, 'answered')

  await citizen.getByTestId('follow-up').fill('没有合同也行吗？')
  await citizen.getByTestId('follow-up-send').click()
  await desks[0].getByText('没有合同也行吗？').waitFor()
  await desks[0].getByTestId('answer').fill('可以，用其他材料证明劳动关系。')
  await desks[0].getByTestId('answer-send').click()
  await citizen.getByText('可以，用其他材料证明劳动关系。').waitFor()
  await desks[0].getByTestId('amend').click()
  await desks[0].getByTestId('answer').fill(`${ADVICE}仲裁时效一年。`)
  await desks[0].getByTestId('answer-send').click()
  await citizen.getByText('仲裁时效一年。').waitFor()

  // After a reload it is found under "my questions".
  await citizen.reload()
  await citizen.getByTestId('my-questions').click()
  await examine(citizen, 'mine')
  await citizen.getByTestId('question-row').first().click()
  await citizen.getByTestId('question-close').click()
  await citizen.locator('[data-testid=question-state][data-state=CLOSED]').waitFor()
  await closeQuietly(citizen, ...desks)
})

test('who waits leaves a question instead, and goes on by a call with the lawyer who answered', async () => {
  const citizen = await openCitizen(browsers[0], server)
  await call(citizen, 'text')
  await reach(citizen, 'queued')
  await citizen.getByTestId('wait-question').click()
  await citizen.getByTestId('ask-text').fill(STORY)
  await citizen.getByTestId('ask-send').click()
  await citizen.getByTestId('question-state').waitFor()

  const desk = await openDesk(browsers[1], server, 'lawyer2')
  await answer(desk)
  await answers(citizen, 1).waitFor()
  await citizen.getByTestId('call-lawyer').click()
  await desk.getByTestId('accept').click()
  await Promise.all([reach(citizen, 'active'), reach(desk, 'active')])
  await citizen.getByTestId('hangup').click()
  await reach(citizen, 'ended')
  await desk.getByTestId('outcome').selectOption('ADVICE_GIVEN')
  await desk.getByTestId('finish').click()
  await reach(desk, 'idle')

  // One matter: it leads to the question, the question to the call; stars once for both.
  await citizen.getByTestId('new').click()
  await citizen.getByTestId('mine').click()
  await citizen.getByTestId('matter').first().waitFor()
  const written = citizen.getByTestId('matter').filter({ has: citizen.getByTestId('mine-question') })
  assert.equal(await written.count(), 1, 'the call is no matter of its own')
  await examine(citizen, 'matters')
  await written.getByTestId('mine-question').click()
  await citizen.getByTestId('question-call').waitFor()
  await citizen.getByTestId('pick-star-2').check()
  await citizen.getByTestId('send-stars').click()
  await citizen.getByTestId('question-stars').waitFor()
  assert.equal(await citizen.getByTestId('send-stars').count(), 0)
  await examine(citizen, 'rated')
  const own = desk.getByTestId('my-question').first()
  const open = desk.getByTestId('question-back')
  await own.or(open).first().waitFor()
  if (await open.isVisible()) await open.click()
  await own.click()
  await desk.getByTestId('question-call').waitFor()
  await examine(desk, 'with-call')
  await closeQuietly(citizen, desk)
})

/** Presses play, as people do, and waits until time goes on in it. */
async function plays(page, sound) {
  await sound.waitFor()
  await sound.focus()
  await page.keyboard.press('Space')
  await page.waitForFunction(one => one.currentTime > 0.5 && one.error === null, await sound.elementHandle())
}

/** A red dot. */
const PICTURE = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
  'base64',
)

test('a photo and a voice message go with a question, and the lawyer who answers sees and hears them', async () => {
  const citizen = await openCitizen(browsers[0], server)
  await citizen.getByTestId('area-LABOUR').click()
  await citizen.getByTestId('leave-question').click()
  await citizen.getByTestId('ask-text').fill(STORY)
  await citizen.getByTestId('ask-file').setInputFiles({ name: 'slip.png', mimeType: 'image/png', buffer: PICTURE })
  await citizen.getByTestId('attached').first().waitFor()
  await citizen.getByTestId('ask-voice').click()
  await citizen.locator('[data-testid=ask-voice][aria-pressed=true]').waitFor()
  await citizen.waitForTimeout(1_500)
  await citizen.getByTestId('ask-voice').click()
  await citizen.getByTestId('attached').nth(1).waitFor()
  await examine(citizen, 'attached')
  await citizen.getByTestId('ask-send').click()
  await citizen.getByTestId('question-state').waitFor()

  const desk = await openDesk(browsers[1], server, 'lawyer3', { onDuty: false })
  await desk.getByTestId('claim').last().click()
  await desk.locator('[data-testid=attachment][data-type="image/jpeg"][data-ready=true] img').waitFor()
  const voice = desk.locator('[data-testid=attachment][data-type^="audio/"][data-ready=true] audio')
  await voice.waitFor()
  await plays(desk, voice)
  await examine(desk, 'with-attachments')
  // The asker hears what was sent, also after a reload.
  await citizen.reload()
  await citizen.getByTestId('my-questions').click()
  await citizen.getByTestId('question-row').first().click()
  await citizen.locator('[data-testid=attachment][data-type="image/jpeg"][data-ready=true] img').waitFor()
  await plays(citizen, citizen.locator('[data-testid=attachment][data-type^="audio/"][data-ready=true] audio'))
  await examine(citizen, 'own-attachments')
  await closeQuietly(citizen, desk)
})
