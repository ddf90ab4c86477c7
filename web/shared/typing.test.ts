// Real-time text: as few characters as possible, never more often than allowed, whole after a refusal.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Change, changed, changeOf, LiveLine, TYPE_EVERY_MS } from './typing'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A line and what was said of it; `taken` answers. */
function line(taken: () => boolean = () => true) {
  const said: Change[] = []
  const live = new LiveLine(async change => {
    said.push(change)
    return taken()
  })
  return { live, said }
}

test('a change keeps what is the same, in characters and not in halves of them', () => {
  expect(changeOf('工资', '工资没发')).toEqual({ keep: 2, text: '没发' })
  expect(changeOf('没😢发', '没😢给')).toEqual({ keep: 2, text: '给' })
  expect(changeOf('abc', 'ab')).toEqual({ keep: 2, text: '' })
  for (const [from, to] of [
    ['', '你好'],
    ['你好', ''],
    ['a😀b', 'a😁b'],
    ['同样', '同样'],
  ] as const) {
    expect(changed(from, changeOf(from, to))).toBe(to)
  }
})

test('the first character leaves at once, and the rest together a moment later', async () => {
  const { live, said } = line()

  live.type('工')
  live.type('工资')
  live.type('工资没发')
  expect(said).toEqual([{ keep: 0, text: '工' }])
  await vi.advanceTimersByTimeAsync(TYPE_EVERY_MS)
  expect(said).toEqual([
    { keep: 0, text: '工' },
    { keep: 1, text: '资没发' },
  ])
  await vi.advanceTimersByTimeAsync(10 * TYPE_EVERY_MS)
  expect(said).toHaveLength(2)
})

test('a line that was sent is not typed again', async () => {
  const { live, said } = line()

  live.type('好')
  live.done()
  await vi.advanceTimersByTimeAsync(2 * TYPE_EVERY_MS)
  live.type('的')
  expect(said).toEqual([
    { keep: 0, text: '好' },
    { keep: 0, text: '的' },
  ])
})

test('after a refusal the whole line is said once more, with the next character', async () => {
  let taken = false
  const { live, said } = line(() => taken)

  live.resume('旧的')
  live.type('旧的字')
  await vi.advanceTimersByTimeAsync(1)
  taken = true
  await vi.advanceTimersByTimeAsync(TYPE_EVERY_MS)
  expect(said).toEqual([
    { keep: 2, text: '字' },
    { keep: 0, text: '旧的字' },
  ])
})
