// Debian's Firefox ESR over WebDriver BiDi, with the few words of Playwright's that `people.js` speaks.
import puppeteer from 'puppeteer-core'

const EXECUTABLE = process.env.FIREFOX ?? '/usr/bin/firefox-esr'
const WAIT_MS = 60_000
const PREFERENCES = {
  // A tone and a moving picture instead of devices, and nobody is asked.
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  // Local addresses, as they are.
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.autoplay.default': 0,
  // It talks to the test's server and to nobody else.
  'app.update.enabled': false,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
}

/** Starts it; what comes back is used like a Playwright browser. */
export async function startFirefox() {
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: EXECUTABLE,
    headless: true,
    extraPrefsFirefox: PREFERENCES,
  })
  const contexts = []
  return {
    version: () => browser.version(),
    contexts: () => contexts,
    newContext: async ({ viewport }) => {
      const context = await browser.createBrowserContext()
      const pages = []
      const wrapped = {
        pages: () => pages,
        newPage: async () => {
          const page = await context.newPage()
          await page.setViewport(viewport)
          pages.push(new Page(page, wrapped))
          return pages.at(-1)
        },
        close: async () => {
          contexts.splice(contexts.indexOf(wrapped), 1)
          await context.close()
        },
      }
      contexts.push(wrapped)
      return wrapped
    },
    close: () => browser.close(),
  }
}

class Page {
  #page
  #context
  constructor(page, context) {
    this.#page = page
    this.#context = context
  }
  context() {
    return this.#context
  }
  setDefaultTimeout(ms) {
    this.#page.setDefaultTimeout(ms)
  }
  on(event, listener) {
    this.#page.on(event, listener)
  }
  addInitScript(script) {
    return this.#page.evaluateOnNewDocument(script)
  }
  goto(url) {
    return this.#page.goto(url)
  }
  evaluate(script, ...given) {
    return this.#page.evaluate(script, ...given)
  }
  waitForFunction(script) {
    return this.#page.waitForFunction(script, { timeout: WAIT_MS, polling: 100 })
  }
  screenshot(options) {
    return this.#page.screenshot(options)
  }
  locator(selector) {
    return new Locator(this.#page, selector)
  }
  getByTestId(id) {
    return this.locator(`[data-testid="${id}"]`)
  }
}

/** The first visible element of a selector; every deed waits for it. */
class Locator {
  #page
  #selector
  constructor(page, selector) {
    this.#page = page
    this.#selector = selector
  }
  waitFor({ timeout = WAIT_MS } = {}) {
    return this.#page.waitForSelector(this.#selector, { visible: true, timeout })
  }
  async click(options) {
    await this.waitFor(options)
    await this.#page.locator(this.#selector).setTimeout(WAIT_MS).click()
  }
  async fill(text) {
    await this.waitFor()
    await this.#page.locator(this.#selector).setTimeout(WAIT_MS).fill(text)
  }
  async selectOption(value) {
    await this.waitFor()
    await this.#page.select(this.#selector, value)
  }
  async getAttribute(name) {
    const element = await this.#page.waitForSelector(this.#selector, { timeout: WAIT_MS })
    return element.evaluate((found, wanted) => found.getAttribute(wanted), name)
  }
  async innerText() {
    const element = await this.#page.waitForSelector(this.#selector, { timeout: WAIT_MS })
    return element.evaluate(found => found.innerText)
  }
  async isVisible() {
    const element = await this.#page.$(this.#selector)
    return (await element?.isVisible()) ?? false
  }
  getByText(text) {
    const holds = (selector, wanted) => document.querySelector(selector)?.innerText.includes(wanted)
    return {
      waitFor: ({ timeout = WAIT_MS } = {}) =>
        this.#page.waitForFunction(holds, { timeout, polling: 100 }, this.#selector, text),
    }
  }
}
