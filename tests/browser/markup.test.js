// Text that wants to be markup: written into every field of every page, kept by the real server, and looked at wherever it is shown.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openWindow, startBrowser } from './lib/browser.js'
import { fieldsOf, hand, makersOf, sources, unwritten, write } from './lib/fields.js'
import { ALL, assertOnlyText, fitting, PAYLOADS, pieces, shows, watched } from './lib/payloads.js'
import { closeQuietly, openCitizen, openDesk, openOffice, reach, signIn, until } from './lib/people.js'
import { browsers, server, useStage } from './lib/stage.js'
import { totp } from './lib/totp.js'

const VILLAGE = '990121101201'
const BUREAU_CHARS = 60
const CONSENT_CHARS = 40

const SETTINGS = [`bureau.name=${pieces(BUREAU_CHARS).at(-1)}`, `bureau.consent_version=${pieces(CONSENT_CHARS).at(-1)}`]

let home
let work
useStage(SETTINGS, [startBrowser, startBrowser], async () => {
  ;[home, work] = browsers.map(watched)
  // Nobody is the namesake of another one.
  await server.employ('jia', `${ALL} 甲`)
  await server.employ('yi', `${ALL} 乙`, 'SUPERVISOR')
  await server.employ('bing', `${ALL} 丙`, 'DISPATCHER')
})

/** A text consultation of the village with the lawyer, once it is said what it is about. */
async function talk(citizen, lawyer) {
  await citizen.getByTestId('village').selectOption(VILLAGE)
  await citizen.getByTestId('channel-text').click()
  await citizen.getByTestId('call').click()
  await shows(lawyer.getByTestId('offer'), PAYLOADS, 'the offer')
  await lawyer.getByTestId('accept').click()
  await Promise.all([reach(citizen, 'text-only'), reach(lawyer, 'text-only')])
}

async function finish(lawyer) {
  await reach(lawyer, 'ended')
  await lawyer.getByTestId('outcome').selectOption('ADVICE_GIVEN')
  await lawyer.getByTestId('finish').click()
  await reach(lawyer, 'idle')
}

/** Does it again with each text that the field takes. */
async function each(limit, act) {
  for (const [at, piece] of pieces(limit).entries()) await act(piece, at)
}

test('in a talk: names, places, lines while they are written and when they are sent, and the reason of its end', async () => {
  const lawyer = await openDesk(work, server, 'jia')
  const citizen = await openCitizen(home, server, { path: `/?src=${encodeURIComponent(PAYLOADS[0])}#${encodeURIComponent(PAYLOADS[2])}` })
  await shows(lawyer.getByTestId('account'), PAYLOADS, 'the account')
  await shows(citizen.locator('.page-header'), pieces(BUREAU_CHARS).slice(-1), 'the head')
  await shows(citizen, pieces(CONSENT_CHARS).slice(-1), 'the consent')
  await citizen.getByTestId('area-LABOUR').click()
  await citizen.getByTestId('lawyers').click()
  await shows(citizen.getByTestId('lawyer').first().locator('strong'), PAYLOADS, 'the list of lawyers')
  await shows(citizen.locator('#lawyers-place'), PAYLOADS, 'the places beside it')
  await citizen.getByTestId('choose').first().click()
  await shows(citizen.getByTestId('chosen-lawyer'), PAYLOADS, 'the chosen lawyer')
  await talk(citizen, lawyer)
  for (const page of [citizen, lawyer]) await shows(page.locator('.caption .name'), PAYLOADS, 'the other side')

  await citizen.getByTestId('live-text').click()
  for (const [from, to] of [[citizen, lawyer], [lawyer, citizen]]) {
    await each(2000, async line => {
      await write(from, 'chat-input', line)
      await shows(to.getByTestId('writing'), [line], 'a line that is being written')
      await from.getByTestId('chat-send').click()
      await shows(to.getByTestId('chat-log').locator('li').last(), [line], 'a line that was sent')
    })
    await shows(from.getByTestId('chat-log'), PAYLOADS, 'the own lines')
  }

  const office = await openOffice(work, server)
  await shows(office.getByTestId('account'), PAYLOADS, 'the account')
  await shows(office.getByTestId('session-row').first(), PAYLOADS, 'the running session')
  await office.getByTestId('end-session').first().click()
  await each(500, piece => write(office, 'end-reason', piece))
  await office.getByTestId('end-confirm').click()
  await reach(citizen, 'ended')
  await finish(lawyer)

  await citizen.getByTestId('phone-open').click()
  await each(20, async piece => {
    await write(citizen, 'phone-number', piece)
    await citizen.getByTestId('phone-send').click()
    await shows(citizen.getByTestId('phone-error'), ['11 位'], 'a number that is none')
  })
  await citizen.getByTestId('phone-number').fill('13800138000')
  await citizen.getByTestId('phone-send').click()
  await citizen.getByTestId('phone-code').waitFor()
  await each(7, async piece => {
    await write(citizen, 'phone-code', piece)
    await citizen.getByTestId('phone-confirm').click()
    await shows(citizen.getByTestId('phone-error'), ['6 位'], 'a code that is none')
  })

  for (const page of [lawyer, office]) {
    await until(async () => {
      await page.getByTestId('refresh').click()
      return page.getByTestId('open-record').first().isVisible()
    }, 'no record')
    await page.getByTestId('open-record').first().click()
    await shows(page.getByTestId('record'), [ALL, ...pieces(CONSENT_CHARS).slice(-1)], 'the record')
  }
  await closeQuietly(citizen, lawyer, office)
})

test('after a talk: complaints, notes, objections, votes, grades, incidents and escalations', async () => {
  const lawyer = await openDesk(work, server, 'jia')
  const citizen = await openCitizen(home, server)
  const own = lawyer.getByTestId('own-matter').first()
  await each(1000, async piece => {
    await citizen.getByTestId('area-LABOUR').click()
    await talk(citizen, lawyer)
    await citizen.getByTestId('hangup').click()
    await finish(lawyer)
    await citizen.getByTestId('star-1').click()
    await citizen.getByTestId('rate').click()
    await citizen.getByTestId('rated').waitFor()
    await until(async () => {
      await lawyer.getByTestId('matters-refresh').click()
      return own.getByTestId('appeal').isVisible()
    }, 'no stars to object to')
    await own.getByTestId('appeal').click()
    await write(own, 'appeal-reason', piece)
    await own.getByTestId('appeal-send').click()
    await own.getByTestId('appeal-state').waitFor()
    await citizen.getByTestId('new').click()
  })

  await citizen.getByTestId('mine').click()
  const mine = citizen.getByTestId('matter').first()
  await shows(mine, PAYLOADS, 'my consultations')
  await each(1000, async piece => {
    await mine.getByTestId('mine-complain').click()
    await write(mine, 'complaint-text', piece)
    await mine.getByTestId('send-complaint').click()
    await mine.getByTestId('send-complaint').waitFor({ state: 'detached' })
    await citizen.getByTestId('mine-told').waitFor()
  })

  // The lawyer grades once, and names incidents.
  await shows(own, PAYLOADS, 'my matters')
  await own.getByTestId('grade-open').click()
  await own.getByTestId('sign-MASS_WAGES').check()
  await write(own, 'grade-reason', pieces(500)[0])
  await own.getByTestId('grade-send').click()
  await own.getByTestId('own-grade').waitFor()
  await each(60, async piece => {
    await own.getByTestId('incident').selectOption('new')
    await write(own, 'incident-name', piece)
    await own.getByTestId('incident-send').click()
    await shows(own.getByTestId('incident').locator('option:checked'), [piece], 'the incidents')
  })
  await shows(own.getByTestId('incident'), fitting(60), 'all incidents')
  await shows(own, pieces(60).slice(-1), 'the incident of my matter')

  const office = await openOffice(work, server)
  await office.getByTestId('nav-followUps').click()
  const owed = office.getByTestId('follow-up')
  await shows(owed, PAYLOADS, 'the follow-ups')
  for (let at = 0; ; at += 1) {
    await owed.nth(at).getByTestId('follow-up-open').click()
    await office.getByTestId('act-TAKE').waitFor()
    if ((await office.locator('.one .card ul li .words').count()) > 0) break
    await office.getByTestId('owed-back').click()
  }
  await shows(office, pieces(1000), 'the complaints')
  await office.getByTestId('act-TAKE').click()
  const notes = [...pieces(1000), ...pieces(1000)]
  const steps = office.locator('.one ol li')
  for (const [at, word] of ['NO_ANSWER', 'NO_ANSWER', 'REACHED', 'RESOLVE'].entries()) {
    await office.getByTestId(`act-${word}`).waitFor()
    await write(office, 'owed-note', notes[at])
    await office.getByTestId(`act-${word}`).click()
    await shows(steps, [notes[at]], 'the steps of a follow-up')
  }
  await shows(steps, PAYLOADS, 'by whom')
  await shows(office.locator('.one dl'), [`${ALL} 甲`, `${ALL} 乙`], 'whom it is about, and who has it')

  await office.getByTestId('nav-appeals').click()
  const second = await openOffice(home, server, 'DISPATCHER')
  await second.getByTestId('nav-appeals').click()
  for (const page of [office, second]) {
    const rows = page.getByTestId('office-appeal')
    await shows(rows, [...pieces(1000), `${ALL} 甲`], 'the objections')
    await each(1000, async (piece, at) => {
      // The first decision ends it for the second person's list, so that there the first row is always the next one.
      const row = page === office ? rows.nth(at) : rows.first()
      const id = await row.getAttribute('data-appeal')
      await write(row, 'vote-reason', piece)
      await row.getByTestId('vote-uphold').click()
      const voted = page.locator(`[data-appeal="${id}"] [data-testid=vote-reason]`)
      await voted.waitFor({ state: 'detached' })
    })
  }
  await second.getByTestId('appeals-all').check()
  await shows(second.getByTestId('office-appeal'), pieces(1000), 'objections that were decided')

  await office.getByTestId('nav-escalations').click()
  const grave = office.getByTestId('escalation').first()
  await shows(grave, [ALL, ...pieces(60).slice(-1)], 'a grave matter')
  await each(500, async (piece, at) => {
    await write(grave, 'escalation-note', piece)
    await grave.getByTestId(at === 0 ? 'escalate-CONFIRM' : 'escalate-PUSH').click()
    await shows(grave.locator('ol'), [piece, `${ALL} 乙`], 'its steps')
  })
  await grave.getByTestId('escalation-matter').click()
  await shows(office.locator('.one dl').first(), pieces(60).slice(-1), 'the incident of a matter')
  await shows(office.getByTestId('session-row'), [ALL], 'the sessions of a matter')
  await each(500, async (piece, at) => {
    const [to, word] = [['MAJOR', '重大'], ['SENSITIVE', '敏感']][at % 2]
    await office.getByTestId('grade').selectOption(to)
    await write(office, 'grade-reason', piece)
    await office.getByTestId('grade-send').click()
    await shows(office.getByTestId('matter-grade'), [word], 'the grade')
    await shows(office.locator('.one .card ol'), [piece, `${ALL} 乙`], 'its grades')
  })
  await shows(office.getByTestId('conflict-lawyer'), [`${ALL} 甲`], 'who may be kept out')
  await each(500, async piece => {
    await office.getByTestId('conflict-lawyer').selectOption({ label: `${ALL} 甲` })
    await write(office, 'conflict-reason', piece)
    await office.getByTestId('conflict-add').click()
    await shows(office.getByTestId('conflict'), [piece, `${ALL} 甲`, `${ALL} 乙`], 'conflicts of interest')
    await office.getByTestId('conflict-lift').click()
    await office.getByTestId('conflict').waitFor({ state: 'detached' })
  })
  await office.getByTestId('matter-back').click()
  await shows(office.getByTestId('office-matter'), [ALL], 'the matters')
  await closeQuietly(citizen, lawyer, office, second)
})

test('in a text question: the question, what is asked on, answers, replies, and names of files', async () => {
  const dot = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==', 'base64')
  const named = { name: `${ALL}.png`, mimeType: 'image/png', buffer: dot }
  const lawyer = await openDesk(work, server, 'jia')
  const citizen = await openCitizen(home, server)
  await citizen.getByTestId('area-LABOUR').click()
  await citizen.getByTestId('village').selectOption(VILLAGE)
  await citizen.getByTestId('leave-question').click()
  await write(citizen, 'ask-text', ALL)
  await hand(citizen, 'ask-file', named)
  await citizen.getByTestId('ask-send').click()
  const texts = page => page.getByTestId('question-text')
  await shows(texts(citizen).first(), [ALL], 'the own question')
  await shows(lawyer.getByTestId('open-question').first(), PAYLOADS, 'the open questions')
  await lawyer.getByTestId('claim').first().click()
  await shows(texts(lawyer).first(), [ALL], 'the question')
  await lawyer.locator('[data-testid=attachment][data-ready=true] img').waitFor()
  await write(lawyer, 'answer', ALL)
  await hand(lawyer, 'answer-file', named)
  await lawyer.getByTestId('answer-send').click()
  await shows(texts(citizen).nth(1), [`${ALL} 甲`], 'the answer')
  await shows(citizen.getByTestId('call-lawyer'), [`${ALL} 甲`], 'the lawyer to be called')
  await write(citizen, 'follow-up', ALL)
  await hand(citizen, 'more-file', named)
  await citizen.getByTestId('follow-up-send').click()
  await shows(texts(lawyer).nth(2), [ALL], 'what is asked on')
  await write(lawyer, 'answer', `${ALL} 回复`)
  await lawyer.getByTestId('answer-send').click()
  await shows(texts(citizen).nth(3), [`${ALL} 回复`], 'the reply')

  // The call that goes on with it stands below it.
  await citizen.getByTestId('call-lawyer').click()
  await lawyer.getByTestId('accept').click()
  await Promise.all([reach(citizen, 'active'), reach(lawyer, 'active')])
  await citizen.getByTestId('hangup').click()
  await finish(lawyer)
  await citizen.getByTestId('new').click()
  await citizen.getByTestId('my-questions').click()
  await citizen.getByTestId('question-row').first().click()
  await lawyer.getByTestId('my-question').or(lawyer.getByTestId('question-back')).first().waitFor()
  if (await lawyer.getByTestId('question-back').isVisible()) await lawyer.getByTestId('question-back').click()
  await lawyer.getByTestId('my-question').first().click()
  for (const page of [citizen, lawyer]) await shows(page.getByTestId('question-call'), [`${ALL} 甲`], 'the call about a question')
  await closeQuietly(citizen, lawyer)
})

test('in a report: what is written to the office, the reasons of its decisions, and who is named', async () => {
  const lawyer = await openDesk(work, server, 'jia')
  const citizen = await openCitizen(home, server)
  await citizen.getByTestId('area-LABOUR').click()
  await talk(citizen, lawyer)
  for (const page of [citizen, lawyer]) {
    await page.getByTestId('report-open').click()
    await each(500, piece => write(page, 'report-text', piece))
    await page.getByTestId('report-send').click()
    await page.getByTestId('report-done').waitFor()
  }
  await citizen.getByTestId('hangup').click()
  await finish(lawyer)

  const office = await openOffice(work, server)
  await office.getByTestId('nav-reports').click()
  await shows(office.getByTestId('report-row'), [`${ALL} 甲`], 'the reports')
  await office.getByTestId('report-show').first().click()
  await shows(office.getByTestId('report-said'), pieces(500).slice(-1), 'what was written to the office')
  await shows(office.getByTestId('report').locator('dl'), PAYLOADS, 'where it was, and what the asker is called')
  await each(500, piece => write(office, 'report-reason', piece))
  await office.getByTestId('report-to').selectOption('DISMISSED')
  await office.getByTestId('report-decide').click()
  await shows(office.getByTestId('report').locator('ol'), [...pieces(500).slice(-1), `${ALL} 乙`], 'what was decided')
  await closeQuietly(citizen, lawyer, office)
})

/** Whether this one of many is sent too: all are typed, and what refuses one refuses the next. */
const isSent = at => at % 8 === 0

/** A table as an office program saves it. */
function table(head, rows) {
  const cell = text => `"${text.replaceAll('"', '""')}"`
  const text = [head, ...rows].map(cells => `${cells.map(cell).join(',')}\r\n`).join('')
  return { name: `${ALL}.csv`, mimeType: 'text/csv', buffer: Buffer.from(text) }
}

/** Cells that begin so are taken for a formula and are not repeated. */
const isFormula = payload => /^[=+@-]/.test(payload)

test('of people: firms, tables, administrators, entries, decisions, searches, the roster, duty floors and the calendar', async () => {
  const office = await openOffice(work, server, 'DISPATCHER')
  await office.getByTestId('nav-firms').click()
  await each(60, async piece => {
    await write(office, 'firm-name', piece)
    await office.getByTestId('firm-add').click()
    await shows(office.locator('.rows .who'), [piece], 'the firms')
  })
  await shows(office.locator('.rows .who'), fitting(60), 'all firms')
  const name = await office.locator('.rows > li', { has: office.getByTestId('import') }).getAttribute('data-testid')
  const firm = office.getByTestId(name)
  await shows(firm.locator('h3').first(), pieces(60).slice(-1), 'the title of the table')

  const brought = office.getByTestId('import')
  for (const payload of fitting(40).filter(one => !/[",;]/.test(one)).slice(0, 5)) {
    await hand(office, 'import-file', table(['姓名', payload], []))
    await shows(office.getByTestId('import-wrong'), [payload], 'a head that is none')
  }
  const head = ['姓名', '执业证号', '人员类别', '业务板块', '语言', '库', '公职', '所在区划', '顾问村']
  await hand(office, 'import-file', table(head, PAYLOADS.map(payload => ['某人', ...Array(8).fill(payload)])))
  const quoted = PAYLOADS.filter(one => !isFormula(one)).map(one => `“${[...one].slice(0, 30).join('')}`)
  await shows(office.getByTestId('import-findings'), quoted, 'what is wrong with a table')
  await hand(office, 'import-file', table(head, PAYLOADS.map((payload, at) => [payload, `X-${10_000 + at}`, '律师', '刑事', '', '', '', '', ''])))
  await shows(brought.locator('table'), PAYLOADS.filter(one => !isFormula(one)), 'the preview of a table')
  await office.getByTestId('import-apply').click()
  await shows(office.getByTestId('import-sum'), ['已导入'], 'the sum')
  await office.getByTestId('import-close').click()

  // No firm has more than a few.
  await each(40, async (piece, at) => {
    const row = office.locator('.rows > li').nth(at)
    await row.getByTestId('admin-add').click()
    await write(row, 'admin-name', piece)
    await row.getByTestId('admin-submit').click()
    if (isFormula(piece)) await shows(office.getByRole('alert'), ['读取失败，请再试一次。'], 'a name that is none')
    else await shows(row.locator('.admins'), [piece], 'the administrators')
  })
  await office.getByTestId('nav-floors').click()
  await office.getByTestId('floor-set').click()
  await shows(office.getByTestId('floor'), [`${ALL} 丙`], 'who set a floor')

  await office.getByTestId('nav-calendar').click()
  const year = await office.getByTestId('calendar-year').inputValue()
  await each(40, async piece => {
    await office.getByTestId('calendar-date').fill(`${year}-10-01`)
    await write(office, 'calendar-name', piece)
    await office.getByTestId('calendar-set').click()
    await shows(office.getByTestId('calendar-day'), [piece], 'the calendar')
  })

  await office.getByTestId('nav-firms').click()
  await firm.getByTestId('firm-people').click()
  const names = fitting(40).filter(one => !isFormula(one))
  const people = office.getByTestId('person')
  await shows(people, names, 'the people of a firm')
  await shows(office.locator('#people-firm'), fitting(60), 'the firms to choose from')
  for (const tick of await people.locator('input').all()) await tick.check()
  await decide(office, 'VERIFIED', pieces(500)[0])
  await shows(people, names, 'the people of a firm')
  await people.first().getByRole('button').click()
  await each(500, async (piece, at) => {
    await decide(office, ['ACTIVE', 'WARNED'][at % 2], piece)
    await shows(office.locator('.steps'), [piece, `${ALL} 丙`], 'the decisions about somebody')
  })
  const entry = office.locator('.entry')
  await each(40, async piece => {
    if (!(await entry.getByTestId('edit-save').isVisible())) await entry.getByTestId('edit').click()
    await write(entry, 'edit-name', piece)
    await entry.getByTestId('edit-save').click()
    if (isFormula(piece)) await shows(entry.getByRole('alert'), ['请检查填写的内容'], 'a name that is none')
    else await shows(office.locator('#one-title'), [piece], 'a name that was changed')
  })
  await entry.getByTestId('edit').click()
  await each(32, async (piece, at) => {
    await write(entry, 'edit-licence', piece)
    if (!isSent(at)) return
    await entry.getByTestId('edit-save').click()
    await shows(entry.getByRole('alert'), ['请检查填写的内容'], 'a licence number that is none')
  })
  await office.getByTestId('invite').click()
  const code = await office.getByTestId('invitation-code').innerText()
  await office.getByTestId('back').click()
  await each(40, async (piece, at) => {
    await write(office, 'people-text', piece)
    if (!isSent(at)) return
    const found = office.waitForResponse(response => response.url().includes('/api/lawyers?'))
    await office.getByTestId('people-find').click()
    await found
    await assertOnlyText(office, 'what was found')
  })

  await office.getByTestId('nav-roster').click()
  await shows(office.locator('#shift-who'), [...names.slice(1), `${ALL} 甲`], 'who may be planned')
  const who = await office.locator('#shift-who option', { hasText: '甲' }).getAttribute('value')
  await office.getByTestId('shift-who').selectOption(who)
  // In a week, by the clocks of the county.
  const day = new Date(Date.now() + 7 * 86_400_000 + 8 * 3_600_000).toISOString().slice(0, 10)
  await office.getByTestId('shift-from').fill(`${day}T09:00`)
  await office.getByTestId('shift-to').fill(`${day}T12:00`)
  await office.locator('#shift-area').selectOption(VILLAGE)
  await office.getByTestId('shift-plan').click()
  await office.getByTestId('week-after').click()
  await shows(office.getByTestId('shift'), [`${ALL} 甲`], 'the roster')
  await office.getByTestId('roster-import').click()
  await hand(office, 'import-file', table(['执业证号', '库', '开始', '结束', '区划'], PAYLOADS.map(payload => ['', payload, payload, payload, payload])))
  await shows(office.getByTestId('import-findings'), quoted, 'what is wrong with a roster')
  await joins(code)
  await closeQuietly(office)
})

async function decide(office, step, reason) {
  await office.getByTestId('decide-to').selectOption(step)
  await write(office, 'decide-reason', reason)
  await office.getByTestId('decide').click()
  await office.getByTestId('decided').waitFor()
}

/** Whoever was invited: the code, a login of one's own, signing in, the second step. */
async function joins(code) {
  const page = await openWindow(home)
  await page.goto(`${server.url}/lawyer/#join=${encodeURIComponent(pieces(40)[0])}`)
  await page.getByTestId('join-error').waitFor()
  assert.equal(await page.getByTestId('join-code').inputValue(), pieces(40)[0])
  await each(40, async (piece, at) => {
    await write(page, 'join-code', piece)
    if (!isSent(at)) return
    await page.getByTestId('join-next').click()
    await shows(page.getByTestId('join-error'), ['激活码不对'], 'a code that is none')
  })
  await page.getByTestId('join-code').fill(code)
  await page.getByTestId('join-next').click()
  await shows(page.locator('#join-title'), pieces(40).slice(-1), 'the greeting')
  await page.getByTestId('join-user').fill('someone')
  await each(128, async piece => {
    await write(page, 'join-password', piece)
    await write(page, 'join-repeat', piece)
  })
  await each(32, async (piece, at) => {
    await write(page, 'join-user', piece)
    if (!isSent(at)) return
    await page.getByTestId('join-submit').click()
    await shows(page.getByTestId('join-error'), ['请按提示检查用户名和密码'], 'a name that is none')
  })
  await page.getByTestId('join-user').fill('someone')
  await page.getByTestId('join-submit').click()
  const password = pieces(128).at(-1)

  await page.getByTestId('login').waitFor()
  await each(64, async piece => write(page, 'user', piece))
  await each(256, async (piece, at) => {
    await write(page, 'password', piece)
    if (!isSent(at)) return
    await page.getByTestId('login').click()
    await shows(page.getByTestId('login-error'), ['用户名或密码不对'], 'a login that is none')
  })
  await signIn(page, { user: 'someone', password })
  await shows(page.getByTestId('account'), pieces(40).slice(-1), 'the account')
  await page.getByTestId('account').click()
  await page.getByTestId('totp-begin').click()
  const secret = await page.getByTestId('totp-secret').innerText()
  await each(7, async piece => {
    await write(page, 'totp-code', piece)
    await page.getByTestId('totp-confirm').click()
    await shows(page.locator('p[data-testid=totp-error]'), ['6 位'], 'a code that is none')
  })
  await page.getByTestId('totp-code').fill(totp(secret, Date.now()))
  await page.getByTestId('totp-confirm').click()
  await page.locator('[data-testid=account-card][data-totp=on]').waitFor()
  await page.getByTestId('logout').click()
  await signIn(page, { user: 'someone', password })
  await each(7, async piece => {
    await write(page, 'totp', piece)
    await page.getByTestId('login').click()
    await shows(page.getByTestId('login-error'), ['验证码不对'], 'a code that is none')
  })
  await closeQuietly(page)
}

test('every field of the pages was written into, with all that fits, and nothing makes markup of text', () => {
  const files = sources()
  const fields = fieldsOf(files)
  assert.ok(PAYLOADS.length >= 60 && fields.length >= 30, `${PAYLOADS.length} payloads, ${fields.length} fields`)
  assert.deepEqual(unwritten(fields), [])
  assert.deepEqual(makersOf(files), [])
  // Both see what is new.
  const fresh = [{ name: 'office/New.vue', text: '<template><p v-html="x" contenteditable /><input v-model="x" data-testid="new" /></template>' }]
  assert.equal(unwritten(fieldsOf(fresh)).length, 2)
  assert.equal(makersOf(fresh).length, 1)
})
