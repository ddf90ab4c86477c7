// After a consultation, by the real server: stars from "my consultations", a follow-up closed by somebody else, an objection to stars.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { openWindow, PHONE } from './lib/browser.js'
import { assertAccessible, assertFits } from './lib/judge.js'
import { call, chatBothWays, closeQuietly, openCitizen, openDesk, openOffice, reach, until, writeOutcome } from './lib/people.js'
import { browsers, OUTPUT, server, useStage } from './lib/stage.js'

const SLOW_MS = 20_000

useStage()

async function examine(page, name) {
  await page.evaluate(() => window.scrollTo(0, 0))
  await assertAccessible(page, name)
  await assertFits(page, name)
  await page.screenshot({ path: `${OUTPUT}after-${name}.png`, fullPage: true })
}

async function examineBoth(page, name) {
  await examine(page, `${name}-zh`)
  await page.getByTestId('language').click()
  await examine(page, `${name}-en`)
  await page.getByTestId('language').click()
}

/** A text consultation that is over and written up; nobody has rated it. */
async function held(atHome, atDesk) {
  const lawyer = await openDesk(atDesk, server)
  const citizen = await openCitizen(atHome, server, { size: PHONE })
  await call(citizen, 'text')
  await lawyer.getByTestId('accept').click()
  await Promise.all([reach(citizen, 'text-only'), reach(lawyer, 'text-only')])
  await chatBothWays(citizen, lawyer)
  await citizen.getByTestId('hangup').click()
  await reach(lawyer, 'ended')
  await writeOutcome(lawyer)
  await citizen.getByTestId('star-1').waitFor()
  return { citizen, lawyer }
}

async function openMine(citizen) {
  await citizen.getByTestId('new').click()
  await citizen.getByTestId('mine').click()
  return citizen.getByTestId('matter').first()
}

async function act(office, word, state, note = '已电话回访') {
  if (word !== 'TAKE') await office.getByTestId('owed-note').fill(note)
  await office.getByTestId(`act-${word}`).click()
  await office.getByTestId('follow-up-state').getByText(state, { exact: true }).waitFor({ timeout: SLOW_MS })
}

test('one star is followed up and closed by somebody else, and the asker has the last word', async () => {
  const [atHome, atDesk] = browsers
  const { citizen, lawyer } = await held(atHome, atDesk)
  const mine = await openMine(citizen)
  await mine.getByTestId('mine-rate').click()
  await mine.getByTestId('pick-star-1').check()
  await examineBoth(citizen, 'phone-mine')
  await mine.getByTestId('send-stars').click()
  await citizen.getByTestId('mine-told').waitFor({ timeout: SLOW_MS })
  await mine.getByTestId('mine-complain').click()
  await mine.getByTestId('complaint-text').fill('没有回答我的问题')
  await examineBoth(citizen, 'phone-complaint')
  await mine.getByTestId('send-complaint').click()
  await citizen.getByTestId('mine-told').getByText('投诉已收到').waitFor({ timeout: SLOW_MS })
  await mine.getByTestId('matter-state').getByText('回访整改中').waitFor()

  // Everything of it is one file, on the asker's own device.
  const [file] = await Promise.all([citizen.waitForEvent('download'), mine.getByTestId('mine-save').click()])
  assert.match(file.suggestedFilename(), /^matter-[0-9a-f-]{36}\.zip$/)
  const saved = await readFile(await file.path())
  assert.ok(saved.includes('manifest.json') && saved.includes('records/'))
  await citizen.getByTestId('mine-told').getByText('档案已保存').waitFor({ timeout: SLOW_MS })

  // The lawyer sees the star, and has nothing to close.
  await lawyer.getByTestId('matters-refresh').click()
  await lawyer.getByTestId('own-matter').first().getByText('待受理').waitFor({ timeout: SLOW_MS })
  assert.equal(await lawyer.getByText('没有回答我的问题').count(), 0)
  await examineBoth(lawyer, 'desktop-lawyer')

  const office = await openOffice(atDesk, server)
  await office.getByTestId('nav-followUps').click()
  await office.getByTestId('follow-up-open').first().waitFor()
  await examineBoth(office, 'desktop-list')
  await office.getByTestId('follow-up-open').first().click()
  await office.getByText('没有回答我的问题').waitFor()
  await act(office, 'TAKE', '已受理')
  await act(office, 'REACHED', '已联系到群众')
  await examineBoth(office, 'desktop-one')
  await act(office, 'RESOLVE', '已解决')
  await office.getByTestId('owed-result').selectOption('SATISFIED')

  // Meanwhile the asker gives the stars anew.
  await citizen.getByTestId('mine-back').click()
  await citizen.getByTestId('mine').click()
  await mine.getByTestId('mine-rate').click()
  await mine.getByTestId('pick-star-4').check()
  await mine.getByTestId('send-stars').click()
  await mine.getByTestId('stars').getByText('回访后改为 4 星').waitFor({ timeout: SLOW_MS })

  await act(office, 'CLOSE', '已办结', '群众满意')
  await office.getByTestId('owed-back').click()
  await office.getByText('没有待办的回访').waitFor()
  await office.getByTestId('owed-closed').check()
  await office.getByTestId('follow-up').first().waitFor()
  await closeQuietly(citizen, lawyer, office)
})

test('an objection to stars is heard by two persons, and a phone shows the office its list', async () => {
  const [atHome, atDesk] = browsers
  const { citizen, lawyer } = await held(atHome, atDesk)
  await citizen.getByTestId('star-2').click()
  await citizen.getByTestId('rate').click()
  await citizen.getByTestId('rated').waitFor()

  await lawyer.getByTestId('matters-refresh').click()
  const own = lawyer.getByTestId('own-matter').first()
  await own.getByTestId('appeal').click()
  await own.getByTestId('appeal-reason').fill('群众不同意法律规定')
  await own.getByTestId('appeal-send').click()
  await own.getByTestId('appeal-state').getByText('申诉待复核').waitFor({ timeout: SLOW_MS })

  const first = await openOffice(atDesk, server, 'SUPERVISOR')
  const second = await openWindow(atDesk, { size: PHONE })
  await second.goto(`${server.url}/office/`)
  const dispatcher = server.staff('DISPATCHER')
  await second.getByTestId('user').fill(dispatcher.user)
  await second.getByTestId('password').fill(dispatcher.password)
  await second.getByTestId('login').click()
  for (const office of [first, second]) {
    await office.getByTestId('nav-appeals').click()
    const row = office.getByTestId('office-appeal').first()
    await row.getByTestId('vote-reason').fill('查过记录')
    await examineBoth(office, office === first ? 'desktop-appeals' : 'phone-appeals')
    await row.getByTestId('vote-uphold').click()
    if (office === first) await row.getByText('您已复核').waitFor({ timeout: SLOW_MS })
    else await office.getByText('没有待复核的申诉').waitFor({ timeout: SLOW_MS })
  }
  await lawyer.getByTestId('matters-refresh').click()
  await own.getByTestId('stars').getByText('已作废').waitFor({ timeout: SLOW_MS })
  await closeQuietly(citizen, lawyer, first, second)
})

test('who comes back to a matter rings its lawyer first and is not asked for stars again', async () => {
  const [atHome, atDesk] = browsers
  const { citizen, lawyer } = await held(atHome, atDesk)
  await citizen.getByTestId('star-5').click()
  await citizen.getByTestId('rate').click()
  await citizen.getByTestId('rated').waitFor()
  const mine = await openMine(citizen)
  // The stars are written a moment after they are taken.
  await until(
    async () => {
      if ((await mine.getByTestId('matter-state').innerText()) === '已归档') return true
      await citizen.getByTestId('mine-back').click()
      await citizen.getByTestId('mine').click()
      await mine.waitFor()
      return false
    },
    'the matter is archived',
  )
  await mine.getByTestId('mine-reopen').click()
  await examineBoth(citizen, 'phone-reopen')
  await mine.getByTestId('reopen-text').click()
  await lawyer.getByTestId('route-mode').getByText('点名找您').waitFor({ timeout: SLOW_MS })
  await lawyer.getByTestId('accept').click()
  await Promise.all([reach(citizen, 'text-only'), reach(lawyer, 'text-only')])
  await citizen.getByTestId('hangup').click()
  await reach(lawyer, 'ended')
  await writeOutcome(lawyer)
  await citizen.getByTestId('new').waitFor()
  assert.equal(await citizen.getByTestId('star-1').count(), 0)
  await closeQuietly(citizen, lawyer)
})

test('a grave matter is graded at the desk, told on by the office, and handed out as one file', async () => {
  const [atHome, atDesk] = browsers
  const { citizen, lawyer } = await held(atHome, atDesk)
  await lawyer.getByTestId('matters-refresh').click()
  const own = lawyer.getByTestId('own-matter').first()
  await own.getByTestId('grade-open').click()
  await own.getByTestId('sign-MASS_WAGES').check()
  await own.getByTestId('grade-reason').fill('二十三人被欠薪')
  await examineBoth(lawyer, 'desktop-grade')
  await own.getByTestId('grade-send').click()
  await own.getByTestId('own-grade').getByText('敏感').waitFor({ timeout: SLOW_MS })
  await own.getByTestId('incident').selectOption('new')
  await own.getByTestId('incident-name').fill('某矿欠薪')
  await own.getByTestId('incident-people').fill('23')
  await own.getByTestId('incident-send').click()
  await own.getByTestId('grade-kept').waitFor({ timeout: SLOW_MS })

  const office = await openOffice(atDesk, server)
  await office.getByTestId('nav-escalations').click()
  const grave = office.getByTestId('escalation').first()
  await grave.getByTestId('escalation-note').fill('已核实')
  await grave.getByTestId('escalate-CONFIRM').click()
  await grave.getByTestId('escalation-state').getByText('已核实，待通知').waitFor({ timeout: SLOW_MS })
  await grave.getByTestId('escalation-note').fill('已电话告知镇政府')
  await examineBoth(office, 'desktop-grave')
  await grave.getByTestId('escalate-PUSH').click()
  await grave.getByTestId('escalation-state').getByText('已通知').waitFor({ timeout: SLOW_MS })
  await grave.getByTestId('escalation-matter').click()
  await office.getByTestId('matter-grade').getByText('敏感').waitFor({ timeout: SLOW_MS })
  await office.getByTestId('conflict-lawyer').selectOption({ index: 0 })
  await office.getByTestId('conflict-reason').fill('代理过对方')
  await office.getByTestId('conflict-add').click()
  await office.getByTestId('conflict').getByText('监督员登记').waitFor({ timeout: SLOW_MS })
  await examineBoth(office, 'desktop-matter')
  const [file] = await Promise.all([office.waitForEvent('download'), office.getByTestId('matter-export').click()])
  assert.match(file.suggestedFilename(), /^matter-[0-9a-f-]{36}\.zip$/)
  const bytes = await readFile(await file.path())
  assert.equal(bytes.subarray(0, 2).toString(), 'PK')
  assert.ok(bytes.includes('manifest.json') && !bytes.includes('messages/'))
  await office.setViewportSize(PHONE)
  await examine(office, 'phone-matter-zh')
  await office.getByTestId('conflict-lift').click()
  await office.getByTestId('conflict').waitFor({ state: 'detached', timeout: SLOW_MS })
  await closeQuietly(citizen, lawyer, office)
})
