import { expect, test } from 'vitest'
import { addDays, mondayOf, today } from './week'

test('a week begins on Monday, also over the end of a year', () => {
  expect(['2026-11-23', '2026-11-29', '2027-01-01'].map(mondayOf)).toEqual(['2026-11-23', '2026-11-23', '2026-12-28'])
  expect(addDays('2026-12-28', 7)).toBe('2027-01-04')
})

test('the day is that of the county', () => {
  expect(today(new Date('2026-11-22T16:30:00Z'))).toBe('2026-11-23')
})
