// Pages of other origins that want to act as whoever is signed in.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, test } from 'node:test'
import { startBrowser } from './lib/browser.js'
import { openDesk } from './lib/people.js'
import { browser, server, useStage } from './lib/stage.js'

let evil
useStage([], [startBrowser], async () => {
  evil = await serveEvil()
})
after(() => evil?.close())

test('a page of another origin opens no socket and does nothing as the lawyer who is signed in', async () => {
  const lawyer = await openDesk(browser, server, 'lawyer2', { onDuty: false })
  // Another port is another origin of the same site, to which cookies are sent; another name is another site.
  for (const origin of [`http://127.0.0.1:${evil.port}`, `http://localhost:${evil.port}`]) {
    const page = await lawyer.context().newPage()
    for (const [path, type] of [['/api/logout', 'text/plain'], ['/api/ws-ticket', 'text/plain'], ['/api/login', 'application/x-www-form-urlencoded'], ['/api/totp', 'multipart/form-data']]) {
      await page.goto(`${origin}/`)
      const answered = page.waitForResponse(response => response.url() === server.url + path)
      await page.evaluate(([action, enctype]) => {
        const form = document.createElement('form')
        Object.assign(form, { method: 'POST', action, enctype })
        document.body.append(form)
        form.submit()
      }, [server.url + path, type])
      const answer = await answered
      assert.deepEqual([answer.status(), (await answer.json()).code], [403, 'foreign-origin'], `${origin} ${path}`)
    }
    await page.goto(`${origin}/`)
    const tried = await page.evaluate(async url => {
      const socket = await new Promise(done => {
        const opened = new WebSocket(`${url.replace('http', 'ws')}/ws`)
        opened.onopen = () => done('open')
        opened.onerror = () => done('refused')
      })
      const read = await fetch(`${url}/api/me`, { credentials: 'include', headers: { 'Yunfa-Door': 'lawyer' } }).then(() => 'read', () => 'refused')
      const frame = document.createElement('iframe')
      frame.src = `${url}/lawyer/`
      const loaded = new Promise(done => {
        frame.onload = done
      })
      document.body.append(frame)
      await loaded
      return { socket, read }
    }, server.url)
    assert.deepEqual(tried, { socket: 'refused', read: 'refused' }, origin)
    assert.equal(await framed(page), 'chrome-error://chromewebdata/', 'framed by nobody')
    await page.close()
  }
  const me = await lawyer.evaluate(async () => (await fetch('/api/me', { headers: { 'Yunfa-Door': 'lawyer' } })).status)
  assert.equal(me, 200, 'still signed in')
  const own = await lawyer.evaluate(() => new Promise(done => {
    const opened = new WebSocket(`ws://${location.host}/ws`)
    opened.onopen = () => done('open')
    opened.onerror = () => done('refused')
  }))
  assert.equal(own, 'open', 'the own page gets a socket')
})

/** What stands in the page's one frame; Chromium swaps a refused frame for its own error page a moment later. */
async function framed(page) {
  for (let tries = 0; tries < 100; tries += 1) {
    const url = page.frames().find(frame => frame !== page.mainFrame())?.url() ?? ''
    if (url !== '' && url !== 'about:blank') return url
    await page.waitForTimeout(50)
  }
  throw new Error('the frame never showed anything')
}

/** A site of somebody else. */
async function serveEvil() {
  const listening = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><body>'))
  await new Promise(done => listening.listen(0, done))
  return { port: listening.address().port, close: () => {
    listening.closeAllConnections()
    return new Promise(done => listening.close(done))
  } }
}
