// Debian's Chromium with fake devices, one window per person.
import { chromium } from 'playwright-core'

export const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium'
export const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Loopback addresses as they are, not as mDNS names.
  '--disable-features=WebRtcHideLocalIpsWithMdns',
  '--allow-loopback-in-peer-connection',
]
export const DEVICES = ['--use-fake-device-for-media-stream']

/**
 * Starts a browser in which no page is ever behind another one, none sleeps and none is kept for the way back; one as people
 * have it is in `ordinary.js`. `devices` says whether it has a microphone and a camera at all.
 */
export function startBrowser({ devices = true, args = [], executable = EXECUTABLE } = {}) {
  return chromium.launch({
    executablePath: executable,
    headless: true,
    args: [...QUIET, ...(devices ? DEVICES : []), ...args],
  })
}

/** Long enough for a machine that is busy with other things: who waits for longer waits in vain. */
export const PATIENCE_MS = 60_000

export const PHONE = { width: 390, height: 844 }
export const SMALL_PHONE = { width: 320, height: 640 }
export const LANDSCAPE = { width: 844, height: 390 }
export const DESKTOP = { width: 1440, height: 900 }

/** Text at 200 %, as somebody who sees badly sets it (WCAG 1.4.4). */
function doubleText() {
  document.addEventListener('DOMContentLoaded', () => {
    document.documentElement.style.fontSize = '200%'
  })
}

/** Opens a window of its own (own cookies), where `init` runs before the page does; every error of the page fails the test at `assertQuiet`. */
export async function openWindow(
  browser,
  { size = DESKTOP, english = false, large = false, init = null, permissions = ['camera', 'microphone'], ...more } = {},
) {
  const context = await browser.newContext({
    viewport: size,
    permissions,
    ignoreHTTPSErrors: true,
    hasTouch: size.width < 900,
    reducedMotion: 'reduce',
    ...more,
  })
  return dress(await context.newPage(), { english, large, init })
}

/** Opens one more tab beside a page, with the same cookies and storage. */
export async function openTab(page, { english = false, init = null } = {}) {
  return dress(await page.context().newPage(), { english, init })
}

/** Makes every error of a page known, and runs `init` before the page does. */
export async function dress(page, { english = false, large = false, init = null } = {}) {
  page.complaints = []
  page.setDefaultTimeout(PATIENCE_MS)
  page.on('pageerror', error => page.complaints.push(`error: ${error.message}`))
  page.on('console', message => {
    const text = message.text()
    // A refused request, and a socket of a page that is put away, are logged by Chromium itself; the pages say it in words,
    // which the tests look at.
    const isOwn = text.startsWith('Failed to load resource') || text.endsWith('Page entered Back-Forward Cache.')
    if (message.type() === 'error' && !isOwn) page.complaints.push(text)
  })
  if (english) await page.addInitScript(() => localStorage.setItem('yunfa.language', 'en'))
  if (large) await page.addInitScript(doubleText)
  if (init) await page.addInitScript(init)
  return page
}
