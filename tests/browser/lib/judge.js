// What a page must never do: break WCAG, scroll sideways, cover one thing with another, or offer a target too small for a finger.
import assert from 'node:assert/strict'
import axe from 'axe-core'

/** The smallest target in CSS pixels: of the staff's pages, and of the citizen's, which are for old hands. */
const MIN_TARGET = 44
const MIN_TARGET_CITIZEN = 56

/** No violation of WCAG 2.2 A and AA, nor of axe's best practices. */
export async function assertAccessible(page, name) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source)
  const found = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, {
      resultTypes: ['violations'],
      rules: { 'target-size': { enabled: true } },
    })
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => `${node.target} (${node.any[0]?.message ?? ''})`).join(' | ')}`)
  })
  assert.deepEqual(found, [], `axe on ${name}`)
}

/** Nothing scrolls sideways or covers another thing, no word of a button is cut off, and everything that can be tapped is large enough. */
export async function assertFits(page, name) {
  const found = await page.evaluate(([staff, citizen]) => {
    const min = document.body.classList.contains('elder') ? citizen : staff
    const label = element => element.dataset.testid || element.id || element.textContent?.trim().slice(0, 20) || element.className
    const isSeen = element => {
      const box = element.getBoundingClientRect()
      const isClipped = getComputedStyle(element.closest('.whose') ?? element).clipPath !== 'none'
      return box.width > 1 && box.height > 1 && !isClipped && element.closest('.unseen, .skip') === null
    }
    const targets = [...document.querySelectorAll('button, a[href], input, select, summary, label.tick')].filter(
      // A tick box is tapped by its whole line.
      element => isSeen(element) && (element.matches('label') || element.closest('label.tick') === null),
    )
    const small = []
    const cut = []
    for (const element of targets) {
      const box = element.getBoundingClientRect()
      if (box.width < min - 0.5 || box.height < min - 0.5) small.push(`${label(element)} ${Math.round(box.width)}×${Math.round(box.height)}`)
      if (element.matches('button, a') && element.scrollWidth > element.clientWidth + 1) cut.push(label(element))
    }
    // What a scroller hides is not seen: neither lines of a chat nor what is above the top of a page in a call.
    const solid = [...targets, ...document.querySelectorAll('.caption > *, .notes p, .self, .away:not(:empty), .portrait, h1, h2')].filter(
      element => isSeen(element) && element.closest('[role=log]') === null,
    )
    const covered = []
    for (const [at, one] of solid.entries()) {
      for (const other of solid.slice(at + 1)) {
        if (one.contains(other) || other.contains(one)) continue
        const boxes = [one, other].flatMap(element => [element, element.closest('.rest, .side') ?? element, element.closest('main') ?? element]).map(element => element.getBoundingClientRect())
        const width = Math.min(...boxes.map(box => box.right)) - Math.max(...boxes.map(box => box.left))
        const height = Math.min(...boxes.map(box => box.bottom)) - Math.max(...boxes.map(box => box.top))
        if (width > 1 && height > 1) covered.push(`${label(one)} and ${label(other)}: ${Math.round(width)}×${Math.round(height)}`)
      }
    }
    const root = document.documentElement
    const sideways = element =>
      isSeen(element) && element.getBoundingClientRect().right > root.clientWidth + 0.5 && element.closest('.scroll, .stage, thead') === null
    // The way out of a call and the way to hear are in view, whatever else has to be scrolled to.
    const hidden = [...document.querySelectorAll('#hangup, [data-testid=hear]')]
      .map(way => ({ way, box: way.getBoundingClientRect() }))
      .filter(({ way, box }) => {
        const seen = document.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2)
        return box.top < 0 || box.bottom > innerHeight + 0.5 || !way.contains(seen)
      })
      .map(({ way, box }) => `${label(way)} ${Math.round(box.top)}–${Math.round(box.bottom)} of ${innerHeight}`)
    // A call that fills the screen leaves nothing to scroll to below it.
    const call = document.querySelector('.page[data-stage=talking], .desk[data-talking=true]')
    const fills = call && Math.abs(call.getBoundingClientRect().height - innerHeight) <= 1
    const below = fills ? Math.max(0, root.scrollHeight - innerHeight - 1) : 0
    const unknown = [...document.body.querySelectorAll('*')].filter(element => element instanceof HTMLUnknownElement)
    return {
      overflow: Math.max(0, root.scrollWidth - root.clientWidth),
      sticksOut: [...document.body.querySelectorAll('*')].filter(one => sideways(one)).map(label),
      small,
      cut,
      covered,
      hidden,
      below,
      unknown: unknown.map(element => element.localName),
      language: root.lang === (localStorage.getItem('yunfa.language') === 'en' ? 'en' : 'zh-CN') ? '' : root.lang,
    }
  }, [MIN_TARGET, MIN_TARGET_CITIZEN])
  assert.deepEqual(found, { overflow: 0, sticksOut: [], small: [], cut: [], covered: [], hidden: [], below: 0, unknown: [], language: '' }, `layout of ${name}`)
}
