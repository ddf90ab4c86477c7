// Duty floors and the calendar, by the real server: the office sets a floor, a break makes an alarm that every page of the office shows, and it goes again.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PHONE } from './lib/browser.js'
import { assertAccessible, assertFits } from './lib/judge.js'
import { openDesk, openOffice } from './lib/people.js'
import { browsers, OUTPUT, server, useStage } from './lib/stage.js'

useStage(['signaling.floor_seconds=1'])

async function examine(page, name) {
  await page.evaluate(() => window.scrollTo(0, 0))
  await assertAccessible(page, name)
  await assertFits(page, name)
  await page.screenshot({ path: `${OUTPUT}floors-${name}.png`, fullPage: true })
}

test('a floor of two, one goes on a break: the office is told, and told when enough are there again', async () => {
  await openDesk(browsers[0], server, 'lawyer1')
  const second = await openDesk(browsers[1], server, 'lawyer2')
  const office = await openOffice(browsers[0], server, 'DISPATCHER')
  await office.getByTestId('nav-floors').click()
  await office.getByTestId('floor-minimum').fill('2')
  await office.getByTestId('floor-set').click()
  const floor = office.getByTestId('floor')
  await floor.getByText('现在 2 人，底线 2 人').waitFor()
  await examine(office, 'desktop-calm')

  await second.getByTestId('break').click()
  await office.locator('[data-testid=floor][data-alarm=true]').waitFor()
  await office.locator('[data-testid=floor-alarm][data-over=false]').waitFor()
  await examine(office, 'desktop-alarm')
  await office.getByTestId('nav-sessions').click()
  await office.getByTestId('floor-banner').getByText('全库 1/2').waitFor()
  const phone = await openOffice(browsers[1], server, 'SUPERVISOR', { size: PHONE, english: true })
  await phone.getByTestId('floor-banner').waitFor()
  await phone.getByTestId('floor-banner').getByRole('button').click()
  await phone.locator('[data-testid=floor-alarm][data-over=false]').waitFor()
  await examine(phone, 'phone-en')

  await second.getByTestId('back').click()
  await office.getByTestId('floor-banner').waitFor({ state: 'detached' })
  await phone.locator('[data-testid=floor-alarm][data-over=true]').waitFor()
  await phone.getByTestId('floor-drop').click()
  await phone.getByTestId('floor').waitFor({ state: 'detached' })
  assert.deepEqual([...office.complaints, ...phone.complaints], [])
})

test('a day of the yearly calendar is set by the dispatcher, seen by the supervisor and taken out again', async () => {
  const office = await openOffice(browsers[0], server, 'DISPATCHER')
  await office.getByTestId('nav-calendar').click()
  const year = await office.getByTestId('calendar-year').inputValue()
  await office.getByTestId('calendar-date').fill(`${year}-10-01`)
  await office.getByTestId('calendar-name').fill('国庆节')
  await office.getByTestId('calendar-set').click()
  const day = office.getByTestId('calendar-day')
  await day.getByText('放假 · 国庆节').waitFor()
  await examine(office, 'desktop-calendar')

  const phone = await openOffice(browsers[1], server, 'SUPERVISOR', { size: PHONE, english: true })
  await phone.getByTestId('nav-calendar').click()
  await phone.getByTestId('calendar-day').getByText('Day off · 国庆节').waitFor()
  assert.equal(await phone.getByTestId('calendar-drop').count(), 0)
  await examine(phone, 'phone-calendar-en')

  await office.getByTestId('calendar-drop').click()
  await day.waitFor({ state: 'detached' })
  await office.getByText(`${year} 年还没有登记。`).waitFor()
  assert.deepEqual([...office.complaints, ...phone.complaints], [])
})
