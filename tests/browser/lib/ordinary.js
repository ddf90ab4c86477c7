// Chromium as people have it: a tab behind another one is hidden and its timers are slowed down, and a page that one leaves
// may be kept for the way back.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { chromium } from 'playwright-core'
import { DEVICES, EXECUTABLE, QUIET } from './browser.js'
import { until } from './people.js'

const START_TIMEOUT_MS = 30_000

/**
 * What comes back is used like a Playwright browser. Each of its contexts is a process with a profile of its own: only in
 * the first context of a browser does Playwright let tabs hide each other.
 */
export function startOrdinary() {
  const open = new Map()
  return {
    contexts: () => [...open.keys()],
    newContext: async wanted => {
      const { context, gone } = await launch(wanted)
      open.set(context, gone)
      gone.then(() => open.delete(context))
      return context
    },
    close: async () => {
      const ends = [...open.values()]
      await Promise.all([...open.keys()].map(context => context.close()))
      await Promise.all(ends)
    },
  }
}

async function launch({ viewport, permissions }) {
  const profile = await mkdtemp(join(tmpdir(), 'yunfa-chromium-'))
  const own = ['--headless=new', '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank']
  const child = spawn(EXECUTABLE, [...QUIET, ...DEVICES, ...own], { stdio: ['ignore', 'ignore', 'pipe'] })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const gone = once(child, 'exit').then(() => {
    process.off('exit', kill)
    return rm(profile, { recursive: true, force: true, maxRetries: 5 })
  })
  const browser = await chromium.connectOverCDP(await endpoint(child), { noDefaults: true })
  browser.on('disconnected', kill)
  const [real] = browser.contexts()
  await real.grantPermissions(permissions)
  const context = {
    pages: () => real.pages(),
    newPage: async () => {
      const page = await real.newPage()
      await page.setViewportSize(viewport)
      await page.emulateMedia({ reducedMotion: 'reduce' })
      return page
    },
    close: () => real.close(),
  }
  return { context, gone }
}

/** Where Chromium listens, as it says itself. */
async function endpoint(child) {
  let said = ''
  const heard = new Promise((done, failed) => {
    child.on('error', failed)
    child.stderr.on('data', chunk => {
      said += chunk
      const found = /DevTools listening on (ws:\S+)/.exec(said)
      if (found) done(found[1])
    })
  })
  const late = pause(START_TIMEOUT_MS, undefined, { ref: false }).then(() => {
    throw new Error(`Chromium did not start:\n${said}`)
  })
  return Promise.race([heard, late])
}

/** Puts another tab before a page, as when one looks something up; answers with the way back. */
export async function putBehind(page) {
  const front = await page.context().newPage()
  await front.bringToFront()
  await until(() => page.evaluate(() => document.visibilityState === 'hidden'), 'the page is still in front')
  return async () => {
    await page.bringToFront()
    await until(() => page.evaluate(() => document.visibilityState === 'visible'), 'the page is still behind')
    await front.close()
  }
}
