// A session as a page knows it.
import { describe, expect, test } from 'vitest'
import type { SessionView } from './protocol'
import { hearTalk, refuseLine, SILENCE, sessionState, type Talk, typeLine } from './talk'

const SESSION: SessionView = {
  id: 's',
  consultation: 'c',
  callBack: false,
  state: 'ACTIVE',
  channel: 'video',
  practiceArea: 'LABOUR',
  locality: '河西村',
  you: 'me',
  legs: [],
  activeSince: 1,
  seatUntil: null,
  proposal: null,
  invitation: null,
  chatLines: 0,
}
const TALKING: Talk = { ...SILENCE, session: SESSION }

describe('the typed side', () => {
  test('one line is shown once, however it comes back', () => {
    const typed = typeLine(TALKING, 'm', '工资没发', 5)
    const echoed = hearTalk(typed, {
      type: 'chat',
      session: 's',
      message: 'm',
      number: 1,
      from: 'me',
      text: '工资没发',
      at: 9,
    })

    expect(typed.lines).toMatchObject([{ message: 'm', number: 0, mine: true }])
    expect(echoed.lines).toMatchObject([{ message: 'm', number: 1, mine: true, at: 9 }])
  })

  test('lines stand in the order of their numbers, unnumbered ones last', () => {
    const line = (number: number) =>
      ({ type: 'chat', session: 's', message: `m${number}`, number, from: 'you', text: '', at: 0 }) as const
    const typed = typeLine(hearTalk(hearTalk(TALKING, line(2)), line(1)), 'mine', '', 0)

    expect(hearTalk(typed, line(3)).lines.map(({ number }) => number)).toEqual([1, 2, 3, 0])
  })

  test('a line is seen while it is written, until it is said', () => {
    const typed = (keep: number, text: string) => ({ type: 'typed', session: 's', from: 'you', keep, text }) as const
    const writing = [typed(0, '有合'), typed(2, '童'), typed(2, '同吗')].reduce(hearTalk, TALKING)
    const said = hearTalk(writing, {
      type: 'chat',
      session: 's',
      message: 'm',
      number: 1,
      from: 'you',
      text: '有合同吗',
      at: 0,
    })

    expect(writing.drafts).toEqual({ you: '有合同吗' })
    expect(said.drafts).toEqual({})
    expect(hearTalk(TALKING, { ...typed(0, 'x'), session: 'x' })).toBe(TALKING)
  })

  test('a refused line says so', () => {
    expect(refuseLine(typeLine(TALKING, 'm', '', 0), 'm').lines).toMatchObject([{ refused: true }])
  })

  test('a line of another session is not shown', () => {
    const talk = hearTalk(TALKING, {
      type: 'chat',
      session: 'x',
      message: 'm',
      number: 1,
      from: 'you',
      text: '',
      at: 0,
    })

    expect(talk.lines).toEqual([])
  })

  test('our own reading is no news', () => {
    const read = (by: string) => hearTalk(TALKING, { type: 'chatRead', session: 's', by, upTo: 3 }).readUpTo

    expect([read('me'), read('you')]).toEqual([0, 3])
  })
})

describe('the end', () => {
  const ended = hearTalk(TALKING, {
    type: 'sessionEnded',
    session: 's',
    consultation: 'c',
    reason: 'LAWYER_HUNG_UP',
    twoWayS: 20,
    outcomeDue: false,
  })

  test('it keeps the reason and the seconds', () => {
    expect(ended).toMatchObject({ session: null, ending: { reason: 'LAWYER_HUNG_UP', twoWayS: 20 } })
  })

  test('a last word about the session does not open it again', () => {
    expect(hearTalk(ended, { type: 'session', ...SESSION, state: 'SEALED' }).session).toBeNull()
  })

  test('a session missing from the snapshot after a break has ended unheard', () => {
    const talk = hearTalk(TALKING, {
      type: 'welcome',
      version: 1,
      role: 'CITIZEN',
      name: '',
      resumeToken: '',
      resumeSeconds: 60,
      presence: null,
      consultation: null,
      session: null,
      offers: [],
      outcomeDue: null,
      now: 0,
    })

    expect(talk.ending).toMatchObject({ session: 's', reason: 'CONNECTION_LOST', twoWayS: null })
  })
})

describe('the state word', () => {
  test.each([
    [{}, true, false, 'active'],
    [{}, false, false, 'reconnecting'],
    [{}, true, true, 'reconnecting'],
    [{ channel: 'text' }, true, true, 'text-only'],
    [{ channel: 'text' }, false, false, 'reconnecting'],
    [{ state: 'CONNECTING' }, true, false, 'connecting'],
    [{ state: 'RECONNECTING' }, true, false, 'reconnecting'],
    [{ state: 'ENDED' }, true, false, 'ended'],
  ] as const)('%o with an open line (%s) and broken media (%s) is %s', (change, lineOpen, broken, word) => {
    expect(sessionState({ ...SESSION, ...change }, lineOpen, broken)).toBe(word)
  })
})
