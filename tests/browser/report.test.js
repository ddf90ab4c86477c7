// Each side reports the other; the office warns and blocks, and whoever is blocked sees until when, and what can be done.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertAccessible, assertFits } from './lib/judge.js'
import { call, closeQuietly, openCitizen, openDesk, openOffice, reach, say, talk, writeOutcome } from './lib/people.js'
import { browsers, OUTPUT, server, useStage } from './lib/stage.js'

useStage()

async function examine(page, name) {
  await assertAccessible(page, name)
  await assertFits(page, name)
  await page.screenshot({ path: `${OUTPUT}report-${name}.png`, fullPage: true })
}

/** Opens the form, picks a cause and sends it. */
async function report(page, cause, text = '') {
  await page.getByTestId('report-open').click()
  await page.getByTestId('report-cause').selectOption(cause)
  if (text) await page.getByTestId('report-text').fill(text)
  await page.getByTestId('report-send').click()
  await page.getByTestId('report-done').waitFor()
}

/** Opens the newest report about this side, in a list in which the open ones stand first. */
async function open(office, words) {
  await office.getByTestId('nav-reports').click()
  await office.getByTestId('report-row').filter({ hasText: words }).filter({ hasText: '待处理' }).last().getByTestId('report-show').click()
  await office.getByTestId('report-stands').waitFor()
}

async function decide(office, to, reason) {
  await office.getByTestId('report-to').selectOption(to)
  await office.getByTestId('report-reason').fill(reason)
  await office.getByTestId('report-decide').click()
  await office.getByTestId('report-decided').waitFor()
}

test('in a call and after it each side reports the other, the office warns one and blocks the other until the block is lifted', async () => {
  const [atHome, atDesk] = browsers
  const { citizen, lawyer } = await talk(atHome, atDesk, server, { channel: 'text' })
  await say(citizen, '你们都是骗子')
  await examine(citizen, 'call-phone')
  await lawyer.getByTestId('report-open').click()
  await examine(lawyer, 'form-desk')
  await lawyer.getByTestId('report-cancel').click()
  await report(lawyer, 'INSULT', '一直骂人，他的号码 13800138000')
  await lawyer.screenshot({ path: `${OUTPUT}report-done-desk.png` })

  // While it runs the citizen is warned: the call goes on.
  const office = await openOffice(atDesk, server)
  await open(office, '举报咨询人')
  assert.equal(await office.getByTestId('report-said').textContent(), '一直骂人，他的号码 ******')
  assert.equal(await office.getByText('你们都是骗子').count(), 0, 'no word of the talk')
  await examine(office, 'office')
  await office.getByTestId('report-decide').click()
  await office.locator('[role=alert]').waitFor()
  await decide(office, 'WARNED', '已核对')
  await citizen.getByTestId('warned').waitFor()
  await examine(citizen, 'warned-phone')
  await citizen.getByTestId('warned-read').click()
  await citizen.getByTestId('warned').waitFor({ state: 'detached' })

  await citizen.getByTestId('hangup').click()
  await Promise.all([reach(citizen, 'ended'), reach(lawyer, 'ended')])
  await citizen.getByTestId('report-open').click()
  await examine(citizen, 'form-phone')
  await citizen.getByTestId('report-cause').selectOption('OTHER')
  await citizen.getByTestId('report-send').click()
  await citizen.getByText('请写明是什么问题').waitFor()
  await citizen.getByTestId('report-text').fill('没有听我说完')
  await citizen.getByTestId('report-send').click()
  await citizen.getByTestId('report-done').waitFor()
  await citizen.screenshot({ path: `${OUTPUT}report-done-phone.png`, fullPage: true })
  await writeOutcome(lawyer, 'ABUSE')

  // The next call: blocked while the citizen waits again.
  await citizen.getByTestId('new').click()
  await call(citizen, 'text')
  await lawyer.getByTestId('accept').click()
  await Promise.all([reach(citizen, 'text-only'), reach(lawyer, 'text-only')])
  await report(lawyer, 'DISRUPTION')
  await lawyer.getByTestId('hangup').click()
  await Promise.all([reach(citizen, 'ended'), reach(lawyer, 'ended')])
  await citizen.getByTestId('new').click()
  await call(citizen, 'text')
  await reach(citizen, 'queued')
  await office.getByTestId('report-back').click()
  await open(office, '举报咨询人')
  await office.getByTestId('report-to').selectOption('BLOCKED')
  await examine(office, 'block')
  await office.getByTestId('report-days').fill('7')
  await decide(office, 'BLOCKED', '反复捣乱')
  await citizen.getByTestId('blocked').waitFor()
  await examine(citizen, 'blocked-phone')
  assert.equal(await citizen.getByTestId('blocked-hotline').getAttribute('href'), 'tel:12348')
  // What was asked may be looked at all the same, also after a reload.
  await citizen.reload()
  await citizen.getByTestId('blocked').waitFor()
  await citizen.getByTestId('blocked-mine').click()
  await citizen.getByTestId('matter').first().waitFor()
  await citizen.reload()
  await citizen.getByTestId('blocked').waitFor()

  await decide(office, 'LIFTED', '本人已说明')
  await citizen.getByTestId('area-LABOUR').waitFor()
  await citizen.getByTestId('blocked').waitFor({ state: 'detached' })
  await closeQuietly(citizen, lawyer, office)
})

test('a lawyer who was reported is warned by the dispatcher, to whom the supervisor handed it on', async () => {
  const [atHome, atDesk] = browsers
  const { citizen, lawyer } = await talk(atHome, atDesk, server, { channel: 'text', user: 'lawyer2' })
  await report(citizen, 'SOLICITATION', '让我私下付钱')
  const supervisor = await openOffice(atDesk, server)
  await open(supervisor, '咨询人举报律师')
  await decide(supervisor, 'REFERRED', '请按资格管理处理')
  const dispatcher = await openOffice(atDesk, server, 'DISPATCHER')
  await dispatcher.getByTestId('nav-reports').click()
  await dispatcher.getByTestId('report-show').first().click()
  await dispatcher.getByTestId('report-stands').waitFor()
  assert.equal(await dispatcher.getByText('让我私下付钱').count(), 0, 'the words are for the supervisor')
  await dispatcher.getByText('请按资格管理处理').waitFor()
  await decide(dispatcher, 'WARNED', '已约谈')

  await lawyer.getByTestId('warned').waitFor()
  await examine(lawyer, 'warned-desk')
  await lawyer.getByTestId('warned-read').click()
  await lawyer.getByTestId('warned').waitFor({ state: 'detached' })
  await lawyer.getByTestId('hangup').click()
  await reach(lawyer, 'ended')
  await writeOutcome(lawyer, 'ADVICE_GIVEN')
  await closeQuietly(citizen, lawyer, supervisor, dispatcher)
})

test('who answered in writing can be reported, and who asked', async () => {
  const [atHome, atDesk] = browsers
  const citizen = await openCitizen(atHome, server)
  await citizen.getByTestId('area-LABOUR').click()
  await citizen.getByTestId('leave-question').click()
  await citizen.getByTestId('ask-text').fill('老板不发工资怎么办？')
  await citizen.getByTestId('ask-send').click()
  await citizen.getByTestId('question-state').waitFor()
  assert.equal(await citizen.getByTestId('report-open').count(), 0, 'nobody has answered')
  const desk = await openDesk(atDesk, server, 'lawyer3', { onDuty: false })
  await desk.getByTestId('claim').first().click()
  await report(desk, 'OTHER', '重复提问')
  await desk.getByTestId('answer').fill('先收集工资条和考勤记录，再向劳动监察大队投诉，或者申请劳动仲裁。')
  await desk.getByTestId('answer-send').click()
  await desk.getByTestId('answer-done').waitFor()

  await citizen.getByTestId('report-open').click()
  await examine(citizen, 'question-phone')
  await citizen.getByTestId('report-cancel').click()
  await report(citizen, 'PRIVACY')
  await closeQuietly(citizen, desk)
})
