// What both browsers of a call saw, and what the record says of it.
import assert from 'node:assert/strict'

/** One second, and the grain with which the pages look at their statistics, at both ends. */
const TOLERANCE_S = 1.1
/** What arrives in every second at the least, on a machine that is busy with other things. */
const FRAMES = 5
const PACKETS = 15

/** Between two looks at what it `received`, with `seconds` between them, a side saw and heard the other. */
export function assertMet(who, early, late, seconds) {
  assert.ok(late.frames > early.frames + FRAMES * seconds, `${who} decodes frames: ${early.frames} → ${late.frames}`)
  assert.ok(late.shown > early.shown + FRAMES * seconds, `${who} shows frames: ${early.shown} → ${late.shown}`)
  assert.ok(late.width > 0, `${who} sees a picture`)
  assertHeard(who, early, late, seconds)
}

/** The same for the voice alone. */
export function assertHeard(who, early, late, seconds) {
  assert.ok(late.audioPackets > early.audioPackets + PACKETS * seconds, `${who} receives sound`)
  assert.ok(late.energy > early.energy, `${who} hears: ${early.energy} → ${late.energy}`)
}

/** The record counts the seconds in which both browsers received media: from when the later one began to when the earlier one stopped. */
export function assertCounted(record, home, desk) {
  const both = Math.min(home.lastMediaAt, desk.lastMediaAt) - Math.max(home.firstMediaAt, desk.firstMediaAt)
  const measured = Math.max(0, both) / 1_000
  const said = `record ${record.twoWayS} s, browsers ${measured.toFixed(2)} s`
  console.log(`# two-way: ${said}`)
  assert.ok(Math.abs(record.twoWayS - measured) <= TOLERANCE_S, said)
}
