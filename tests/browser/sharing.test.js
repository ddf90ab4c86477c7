// A desktop shares its screen in a running call: it is seen beside the talk, sharp, until one of the two has enough.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startBrowser } from './lib/browser.js'
import { assertAccessible, assertFits } from './lib/judge.js'
import { closeQuietly, heard, seesMore, talk } from './lib/people.js'
import { browsers, OUTPUT, server, useStage } from './lib/stage.js'

/** Asks nobody which screen: the first is shared. */
const startDesk = () => startBrowser({ args: ['--use-fake-ui-for-media-stream'] })

useStage([], [startBrowser, startDesk])

test('a lawyer shares the screen, the citizen sees it on the phone, and it ends at a tap', async () => {
  const [atHome, atDesk] = browsers
  const { citizen, lawyer } = await talk(atHome, atDesk, server, {})
  assert.equal(await citizen.getByTestId('share').count(), 0, 'a phone has no screen to share')
  await seesMore(citizen)

  await lawyer.getByTestId('share').click()
  const screen = citizen.getByTestId('remote-screen')
  await screen.waitFor()
  await citizen.waitForFunction(() => {
    const video = document.querySelector('[data-testid=remote-screen]')
    return video.videoWidth > 0 && video.currentTime > 1
  })
  await look(citizen, 'phone')
  await look(lawyer, 'desktop')
  await Promise.all([heard(citizen), heard(lawyer), seesMore(lawyer)])

  // And once more.
  await lawyer.getByTestId('share').click()
  await screen.waitFor({ state: 'detached' })
  await seesMore(citizen)
  await lawyer.getByTestId('share').click()
  await screen.waitFor()
  await closeQuietly(citizen, lawyer)
})

/** In both languages, for the judge and for the eye. */
async function look(page, name) {
  for (const language of ['zh', 'en']) {
    await assertAccessible(page, `${name} ${language}`)
    await assertFits(page, `${name} ${language}`)
    await page.screenshot({ path: `${OUTPUT}sharing-${name}-${language}.png` })
    await page.getByTestId('language').click()
  }
}
