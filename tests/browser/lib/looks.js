// Looking at pages that meet a scripted server: every size, both languages, a judge and a picture.
import { mkdirSync } from 'node:fs'
import { after, before } from 'node:test'
import { DESKTOP, LANDSCAPE, PHONE, SMALL_PHONE, startBrowser } from './browser.js'
import { assertAccessible, assertFits } from './judge.js'
import { OUTPUT } from './stage.js'
import { serveDist } from './static.js'

/** Name, size, English, text at 200 %. */
export const WINDOWS = [
  ['phone', PHONE, false, false],
  ['small', SMALL_PHONE, true, false],
  ['landscape', LANDSCAPE, false, false],
  ['desktop', DESKTOP, true, false],
  ['large', PHONE, false, true],
]

export let browser
export let site

/** Serves the pages to a browser while the tests of the file that calls it run. */
export function useSite() {
  before(async () => {
    mkdirSync(OUTPUT, { recursive: true })
    site = await serveDist()
    browser = await startBrowser()
  })
  after(async () => {
    await browser?.close()
    await site?.close()
  })
}

/** Waits until the page says this state. */
export async function reach(page, state) {
  await page.locator(`[data-testid=state][data-state=${state}]`).waitFor()
}

export async function examine(page, name) {
  await assertAccessible(page, name)
  await assertFits(page, name)
  await page.screenshot({ path: `${OUTPUT}${name}.png`, fullPage: true })
}

/** The same of a page in Chinese, in the language of its window, or in both for `YUNFA_TEST_LOOK=all`; it is in Chinese again afterwards. */
export async function examineIn(page, name, english) {
  const all = process.env.YUNFA_TEST_LOOK === 'all'
  if (all || !english) await examine(page, `${name}-zh`)
  if (!all && !english) return
  await page.getByTestId('language').click()
  await examine(page, `${name}-en`)
  await page.getByTestId('language').click()
}
