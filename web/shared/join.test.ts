// The code of an invitation in the address.
import { expect, test } from 'vitest'
import { takeJoinCode } from './join'

test('the code of a link is taken out of the address, also of one that was cut in two', () => {
  for (const [hash, code] of [
    ['#join=ABCD-1234', 'ABCD-1234'],
    ['#join=%3Cb%3E', '<b>'],
    ['#join=ABCD%E0', 'ABCD%E0'],
    ['#join=', ''],
  ] as const) {
    window.location.hash = hash
    expect(takeJoinCode(), hash).toBe(code)
    expect(window.location.hash, hash).toBe('')
  }
  expect(takeJoinCode()).toBeNull()
})
