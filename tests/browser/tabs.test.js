// Several windows of one person: only one holds the call, the others say so, and it can be brought over.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dress, openTab } from './lib/browser.js'
import { assertAccessible, assertFits } from './lib/judge.js'
import { call, chatBothWays, closeQuietly, heard, newestRecord, openCitizen, openDesk, reach, seesMore, watchMedia, writeOutcome } from './lib/people.js'
import { OUTPUT, browsers, server, useStage } from './lib/stage.js'

useStage()

test('a second tab of the lawyer disturbs nothing, says where the call is, and takes it over; the first takes it back', async () => {
  const [atHome, atDesk] = browsers
  const first = await openDesk(atDesk, server)
  const citizen = await openCitizen(atHome, server)
  await begin(citizen, first)
  await first.getByTestId('mute').click()
  await citizen.getByText('对方已静音').waitFor()

  const second = await openTab(first)
  await watchMedia(second)
  await second.goto(`${server.url}/lawyer/`)
  await second.getByTestId('other-window').waitFor()
  await second.locator('[data-testid=media-path][data-status=connected]').waitFor()
  assert.equal(await second.getByTestId('hangup').count(), 0)
  await Promise.all([reach(first, 'active'), reach(citizen, 'active')])
  assert.equal(await first.evaluate(() => window.seen.connections.length), 1, 'the call has the transport that it had')
  await citizen.getByText('对方已静音').waitFor()
  await look(second, 'other-window')

  await second.getByTestId('take-over').click()
  await first.getByTestId('elsewhere').waitFor()
  await reach(second, 'active')
  await Promise.all([citizen, second].flatMap(page => [seesMore(page), heard(page)]))
  await chatBothWays(citizen, second)
  assert.equal(await first.getByTestId('hangup').count(), 0)
  await look(first, 'elsewhere')

  await first.getByTestId('here').click()
  await first.getByTestId('take-over').click()
  await second.getByTestId('elsewhere').waitFor()
  await reach(first, 'active')
  await Promise.all([citizen, first].flatMap(page => [seesMore(page), heard(page)]))
  await citizen.getByTestId('hangup').click()
  await writeOutcome(first)
  const { page: office, record } = await newestRecord(atDesk, server)

  assert.equal(await office.getByTestId('session-row').count(), 1)
  assert.equal(record.channelUsed, 'video')
  await closeQuietly(citizen, office)
  await closeQuietly(first)
})

test('a tab that a citizen duplicates in a call goes on with it, and the first says so and can have it back', async () => {
  const [atHome, atDesk] = browsers
  const lawyer = await openDesk(atDesk, server, 'lawyer2')
  const first = await openCitizen(atHome, server)
  await begin(first, lawyer)
  await first.evaluate(() => sessionStorage.setItem('copied', 'yes'))

  // A window that a page opens itself has a copy of its session storage, as a duplicated tab has.
  await first.context().addInitScript(() => {
    window.wasCopied = sessionStorage.getItem('copied')
  })
  const opened = first.context().waitForEvent('page')
  await first.evaluate(() => void window.open(location.href))
  const second = await dress(await opened)
  await reach(second, 'active')
  assert.equal(await second.evaluate(() => sessionStorage.getItem('copied')), 'yes')
  await first.getByTestId('elsewhere').waitFor()
  await second.waitForFunction(() => document.getElementById('remote-video')?.videoWidth > 0)
  await Promise.all([seesMore(lawyer), heard(lawyer)])
  await chatBothWays(second, lawyer)
  await look(first, 'elsewhere-citizen')

  await first.getByTestId('here').click()
  await reach(first, 'active')
  await second.getByTestId('elsewhere').waitFor()
  await Promise.all([first, lawyer].flatMap(page => [seesMore(page), heard(page)]))
  await first.getByTestId('hangup').click()
  await writeOutcome(lawyer)
  // It was hung up elsewhere: the window that comes back late asks for the stars and does not speak of a broken line.
  await second.getByTestId('here').click()
  await reach(second, 'ended')
  await second.getByText('您上一次咨询已经结束').waitFor()
  await closeQuietly(first, lawyer)
})

async function begin(citizen, lawyer) {
  await call(citizen, 'video')
  await lawyer.getByTestId('accept').click()
  await Promise.all([reach(citizen, 'active'), reach(lawyer, 'active')])
  await Promise.all([citizen, lawyer].flatMap(page => [seesMore(page), heard(page)]))
}

/** In both languages, for the judge and for the eye. */
async function look(page, name) {
  for (const language of ['zh', 'en']) {
    await assertAccessible(page, `${name} ${language}`)
    await assertFits(page, `${name} ${language}`)
    await page.screenshot({ path: `${OUTPUT}tabs-${name}-${language}.png` })
    await page.getByTestId('language').click()
  }
}
