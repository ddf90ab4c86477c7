// What a page must never do: break WCAG, scroll sideways, or offer a target too small for a finger.
import assert from 'node:assert/strict'
import axe from 'axe-core'

/** The smallest target in CSS pixels; citizens get 48, which the pages' own measure sees to. */
const MIN_TARGET = 44

/** No violation of WCAG 2.2 A and AA, nor of axe's best practices. */
export async function assertAccessible(page, name) {
  await page.evaluate(axe.source)
  const found = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, {
      resultTypes: ['violations'],
      rules: { 'target-size': { enabled: true } },
    })
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => `${node.target} (${node.any[0]?.message ?? ''})`).join(' | ')}`)
  })
  assert.deepEqual(found, [], `axe on ${name}`)
}

/** Nothing scrolls sideways, everything that can be tapped is large enough, and no component stayed an unknown element. */
export async function assertFits(page, name) {
  const found = await page.evaluate(min => {
    const small = []
    for (const element of document.querySelectorAll('button, a[href], input, select, label.tick')) {
      const box = element.getBoundingClientRect()
      const hidden = box.width <= 1 || box.height <= 1 || element.closest('.unseen, .skip') !== null
      // A tick box is tapped by its whole line.
      if (hidden || element.closest('label.tick') !== null) continue
      if (box.width < min - 0.5 || box.height < min - 0.5) {
        small.push(`${element.id || element.textContent?.trim()} ${Math.round(box.width)}×${Math.round(box.height)}`)
      }
    }
    const root = document.documentElement
    const unknown = [...document.body.querySelectorAll('*')].filter(element => element instanceof HTMLUnknownElement)
    return {
      overflow: Math.max(0, root.scrollWidth - root.clientWidth),
      small,
      unknown: unknown.map(element => element.localName),
    }
  }, MIN_TARGET)
  assert.deepEqual(found, { overflow: 0, small: [], unknown: [] }, `layout of ${name}`)
}
