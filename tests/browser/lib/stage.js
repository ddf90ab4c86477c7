// One server and its browsers for all tests of a file.
import { mkdirSync } from 'node:fs'
import { after, afterEach, before } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startBrowser } from './browser.js'
import { closeAll } from './people.js'
import { startServer } from './server.js'

/** Where pictures go. */
export const OUTPUT = fileURLToPath(new URL('../output/', import.meta.url))

/** The running server, once `useStage` has been called and a test runs. */
export let server
/** Two processes, unless a file wants it otherwise: nothing of a call may pass inside one browser. */
export let browsers = []
/** The first of them, for what one browser can show. */
export let browser

// A run that is given up takes its server and its browsers with it.
process.once('SIGTERM', () => process.exit(143))

/** Starts server and browsers before the tests of the file that calls it, does what is to be done then, and stops them afterwards. */
export function useStage(settings = [], starts = [startBrowser, startBrowser], then = async () => {}) {
  before(async () => {
    mkdirSync(OUTPUT, { recursive: true })
    server = await startServer(settings)
    browsers = await Promise.all(starts.map(start => start()))
    browser = browsers[0]
    await then()
  })
  // A failed test leaves nobody on duty for the next one.
  afterEach(() => Promise.all(browsers.map(closeAll)))
  after(async () => {
    await Promise.all(browsers.map(one => one.close()))
    await server?.stop()
  })
}
