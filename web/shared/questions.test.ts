// What pages make of a text question.
import { expect, test } from 'vitest'
import { canFollowUp, charsOf, isOpen, newest, type QuestionText } from './questions'

function text(id: string, version: number, at: number): QuestionText {
  return { id, version, kind: 'ANSWER', number: 1, lawyer: null, at, outcome: null, text: `${id} ${version}` }
}

test('of an answer that was written anew the newest version is shown, in its old place', () => {
  const shown = newest([text('a', 1, 10), text('b', 1, 20), text('a', 2, 30)])

  expect(shown.map(one => [one.text, one.at])).toEqual([
    ['a 2', 10],
    ['b 1', 20],
  ])
})

test('a closed question can be asked on, one that nobody answered cannot', () => {
  expect([canFollowUp('CLOSED'), isOpen('CLOSED')]).toEqual([true, false])
  expect([canFollowUp('UNSERVED'), canFollowUp('CANCELLED')]).toEqual([false, false])
})

test('characters are counted as people see them, without blanks around', () => {
  expect(charsOf('  工资没发𠮷 ')).toBe(5)
})
