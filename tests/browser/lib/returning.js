// Coming back into a call: the page of one side is reloaded or its tab crashes, and media of both directions flows again.
import { openTab } from './browser.js'
import { reach, watchMedia } from './people.js'

/** Loads the page anew in its tab. */
export async function reload(page) {
  await page.reload({ waitUntil: 'commit' })
  return page
}

/** Crashes the tab's renderer, and opens the same address in a new tab of the same profile. */
export async function crash(page) {
  const address = page.url()
  const crashed = page.waitForEvent('crash')
  // The navigation never ends: its renderer does.
  page.goto('chrome://crash').catch(() => {})
  await crashed
  const tab = await openTab(page)
  await watchMedia(tab)
  await page.close()
  await tab.goto(address, { waitUntil: 'commit' })
  return tab
}

/** Has one side go and come back; says its page, and how long after the start of the navigation both see each other's frames again. */
export async function comeBack(goAndCome, page, other) {
  const back = await goAndCome(page)
  await reach(back, 'active')
  await back.waitForFunction(() => window.seen.firstFrameAt > 0)
  const own = await back.evaluate(() => {
    const { firstFrameAt, connectedAt } = window.seen
    return { began: performance.timeOrigin, firstFrameAt, connectedAt }
  })
  // What the other side shows after the new transport stands has come through it.
  const theirs = await other.waitForFunction(since => window.seen.shownAt.find(at => at > since), own.connectedAt)
  const ms = Math.max(own.firstFrameAt, await theirs.jsonValue()) - own.began
  return { page: back, ms }
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}
