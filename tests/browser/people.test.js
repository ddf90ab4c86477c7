// People, by the real server: a firm joins from a file, a code becomes a login, the bureau's word counts at once, citizens look around.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DESKTOP, openWindow, PHONE } from './lib/browser.js'
import { assertAccessible, assertFits } from './lib/judge.js'
import { chatBothWays, openCitizen, openDesk, openOffice, reach, signIn } from './lib/people.js'
import { browsers, OUTPUT, server, useStage } from './lib/stage.js'

const PASSWORD = 'correct horse battery'
const HEAD = '姓名,执业证号,人员类别,业务板块,语言,库,公职,所在区划,顾问村\r\n'

useStage()

async function examine(page, name) {
  await page.evaluate(() => window.scrollTo(0, 0))
  await assertAccessible(page, name)
  await assertFits(page, name)
  await page.screenshot({ path: `${OUTPUT}people-${name}.png`, fullPage: true })
}

const table = text => ({ name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from(text) })

async function decide(page, step, reason = '评议决定') {
  await page.getByTestId('decide-to').selectOption(step)
  await page.getByTestId('decide-reason').fill(reason)
  const answered = page.waitForResponse(response => response.url().endsWith('/api/qualifications'))
  await page.getByTestId('decide').click()
  assert.equal((await answered).status(), 200)
  await page.getByTestId('decided').waitFor()
}

test('a firm joins from a file, its lawyer signs in with a code, and a suspension counts at once', async () => {
  const office = await openOffice(browsers[0], server, 'DISPATCHER')
  await office.getByTestId('nav-firms').click()
  await office.getByTestId('firm-name').fill('新源律师事务所')
  await office.getByTestId('firm-add').click()
  await office.getByTestId('import-file').waitFor()

  await office.getByTestId('import-file').setInputFiles(table('姓名,执业证好\r\n'))
  await office.getByTestId('import-wrong').getByText('执业证好').waitFor()
  const lines = '江上舟,N-10001,律师,刑事；劳动社保,普通话,本地,否,青石镇,青石村\r\n白日依,N-10002,律师,算命,,,,,\r\n=1+1,N-10003,律师,其他,,,,,\r\n'
  await office.getByTestId('import-file').setInputFiles(table(HEAD + lines))
  await office.getByTestId('import-findings').getByText('算命').waitFor()
  assert.match(await office.getByTestId('import-sum').innerText(), /预览.*共 3 行：新增 1，更改 0，相同 0，拒绝 2/s)
  await examine(office, 'desktop-import')
  await office.getByTestId('import-apply').click()
  await office.getByTestId('import-sum').getByText('已导入').waitFor()
  await office.getByTestId('import-close').click()

  const firm = office.getByTestId('firm-新源律师事务所')
  await firm.getByTestId('firm-people').click()
  await office.getByTestId('open-江上舟').waitFor()
  await examine(office, 'desktop-list')
  await office.getByTestId('pick-江上舟').check()
  await decide(office, 'VERIFIED')
  await office.getByTestId('open-江上舟').click()
  await decide(office, 'ACTIVE')
  await office.getByTestId('one-qualification').getByText('可接单').waitFor()
  await office.getByTestId('invite').click()
  const code = await office.getByTestId('invitation-code').innerText()
  await examine(office, 'desktop-one')

  const desk = await openWindow(browsers[1], { size: PHONE })
  await desk.goto(`${server.url}/lawyer/#join=${code}`)
  await desk.getByTestId('join-user').waitFor()
  assert.equal(new URL(desk.url()).hash, '', 'the code stays in no history')
  await examine(desk, 'phone-join')
  await desk.getByTestId('join-user').fill('jiang')
  await desk.getByTestId('join-password').fill(PASSWORD)
  await desk.getByTestId('join-repeat').fill('another one')
  await desk.getByTestId('join-submit').click()
  await desk.getByTestId('join-error').waitFor()
  await desk.getByTestId('join-repeat').fill(PASSWORD)
  await desk.getByTestId('join-submit').click()
  await desk.getByTestId('login').waitFor()
  assert.equal(await desk.getByTestId('user').inputValue(), 'jiang')
  await signIn(desk, { user: 'jiang', password: PASSWORD })
  await desk.getByTestId('duty').click()
  await desk.locator('[data-testid=presence][data-presence=AVAILABLE]').waitFor()

  await decide(office, 'SUSPENDED', '投诉查实')
  await desk.locator('[data-testid=presence][data-presence=ONLINE]').waitFor()
  await office.getByTestId('one-qualification').getByText('已暂停').waitFor()
  await decide(office, 'REINSTATED', '复核撤销')
  await desk.getByTestId('duty').click()
  await desk.locator('[data-testid=presence][data-presence=AVAILABLE]').waitFor()
  assert.deepEqual(office.complaints, [])
})

test('people, firms and the roster fit a phone', async () => {
  const office = await openOffice(browsers[0], server, 'DISPATCHER', { size: PHONE })
  await office.getByTestId('nav-people').click()
  await office.getByTestId('open-林致远').waitFor()
  await office.getByTestId('people-text').fill('陈安宁')
  await office.getByTestId('people-find').click()
  await office.getByTestId('open-林致远').waitFor({ state: 'detached' })
  await examine(office, 'phone-list')
  await office.getByTestId('open-陈安宁').click()
  await office.getByTestId('edit').click()
  await examine(office, 'phone-one')
  await office.getByTestId('nav-firms').click()
  await office.getByTestId('firm-青石律师事务所').getByTestId('admin-add').click()
  await office.getByTestId('admin-name').fill('方寸')
  await office.getByTestId('admin-submit').click()
  await office.getByTestId('invitation-code').waitFor()
  await office.getByTestId('firm-青石律师事务所').getByTestId('firm-import').click()
  await office.getByTestId('import-file').setInputFiles(table(`${HEAD}江上舟,N-20001,律师,刑事,,,,,\r\n`))
  await office.getByTestId('import-apply').waitFor()
  await examine(office, 'phone-firms')
  await office.getByTestId('nav-roster').click()
  await office.getByTestId('shift').first().waitFor()
  await examine(office, 'phone-roster')
  assert.deepEqual(office.complaints, [])
})

test('a shift is planned, brought in and dropped, and who is not there is named', async () => {
  const office = await openOffice(browsers[0], server, 'DISPATCHER', { english: true })
  await office.getByTestId('nav-roster').click()
  await office.getByTestId('shift').first().waitFor()
  await office.getByTestId('week-after').click()
  // In a week, by the clocks of the county.
  const day = new Date(Date.now() + 7 * 86_400_000 + 8 * 3_600_000).toISOString().slice(0, 10)
  await office.getByTestId('shift-who').selectOption('pool:LOCAL')
  await office.getByTestId('shift-from').fill(`${day}T09:00`)
  await office.getByTestId('shift-to').fill(`${day}T08:00`)
  await office.getByTestId('shift-plan').click()
  await office.getByRole('alert').waitFor()
  await office.getByTestId('shift-to').fill(`${day}T12:00`)
  await office.getByTestId('shift-plan').click()
  const planned = office.getByTestId('shift').filter({ hasText: '09:00–12:00' })
  await planned.waitFor()
  await office.getByTestId('roster-import').click()
  const roster = `库,开始,结束\r\n全国,${day} 12:00,${day} 18:00\r\n`
  await office.getByTestId('import-file').setInputFiles(table(roster))
  await office.getByTestId('import-apply').click()
  await office.getByTestId('shift').filter({ hasText: '12:00–18:00' }).waitFor()
  await examine(office, 'desktop-roster-en')
  await planned.getByTestId('shift-drop').click()
  await planned.waitFor({ state: 'detached' })
  assert.deepEqual(office.complaints, [])
})

test("a firm's administrator keeps its own people's languages up", async () => {
  const office = await openOffice(browsers[0], server, 'FIRM_ADMIN')
  await office.getByTestId('open-周明澜').waitFor()
  assert.equal(await office.getByTestId('person').count(), 2, 'nobody of another firm')
  await office.getByTestId('open-周明澜').click()
  await office.getByTestId('edit').click()
  await office.getByTestId('edit-wuu').check()
  await office.getByTestId('edit-save').click()
  await office.getByTestId('one-languages').getByText('吴语').waitFor()
  await examine(office, 'desktop-firm-admin')
  assert.deepEqual(office.complaints, [])
})

test('a citizen looks who the lawyers are and sees who is free', async () => {
  await openDesk(browsers[0], server, 'lawyer3')
  for (const [name, more] of [
    ['phone', {}],
    ['desktop-en', { size: DESKTOP, english: true }],
  ]) {
    const citizen = await openCitizen(browsers[1], server, more)
    await citizen.getByTestId('area-LABOUR').click()
    await citizen.getByTestId('lawyers').click()
    const first = citizen.getByTestId('lawyer').first()
    await first.locator('strong', { hasText: '陈安宁' }).waitFor()
    assert.equal(await first.getAttribute('data-presence'), 'FREE')
    await citizen.getByTestId('lawyers-place').selectOption({ label: '青石村' })
    await first.locator('strong', { hasText: '周明澜' }).waitFor()
    await examine(citizen, `${name}-lawyers`)
    await citizen.getByTestId('lawyer').filter({ hasText: '陈安宁' }).getByTestId('choose').click()
    await citizen.getByTestId('chosen-lawyer').getByText('陈安宁').waitFor()
    await examine(citizen, `${name}-chosen`)
    await citizen.getByTestId('call').waitFor()
    assert.equal(await citizen.evaluate(() => document.activeElement?.getAttribute('data-testid')), 'lawyers')
    assert.deepEqual(citizen.complaints, [])
  }
})

test('a lawyer of the list is called, rings alone, and answers', async () => {
  const [chosen, other] = [
    await openDesk(browsers[0], server, 'lawyer2'),
    await openDesk(browsers[0], server, 'lawyer1'),
  ]
  const citizen = await openCitizen(browsers[1], server)
  await citizen.getByTestId('area-LABOUR').click()
  await citizen.getByTestId('channel-text').click()
  await citizen.getByTestId('lawyers').click()
  await citizen.getByTestId('lawyer').filter({ hasText: '周明澜' }).getByTestId('choose').click()
  await citizen.getByTestId('call').click()
  await chosen.getByTestId('accept').waitFor()
  assert.equal(await other.getByTestId('accept').count(), 0, 'nobody else is rung')
  await chosen.getByTestId('accept').click()
  await reach(citizen, 'text-only')
  await chatBothWays(citizen, chosen)
  assert.deepEqual([citizen, chosen, other].flatMap(page => page.complaints), [])
})
