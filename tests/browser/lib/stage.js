// One server and two browsers for all tests of a file.
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
/** Two processes: nothing of a call may pass inside one browser. */
export let browsers = []

/** Starts server and browsers before the tests of the file that calls it, and stops them afterwards. */
export function useStage(settings = []) {
  before(async () => {
    mkdirSync(OUTPUT, { recursive: true })
    server = await startServer(settings)
    browsers = await Promise.all([startBrowser(), startBrowser()])
  })
  // A failed test leaves nobody on duty for the next one.
  afterEach(() => Promise.all(browsers.map(closeAll)))
  after(async () => {
    await Promise.all(browsers.map(browser => browser.close()))
    await server?.stop()
  })
}
