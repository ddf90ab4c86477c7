// The lawyer's desk.
import { describe, expect, test } from 'vitest'
import type { OfferView, ServerMessage } from '#shared/protocol'
import { type Desk, deskState, EMPTY_DESK, finish, hearDesk, isOnDuty } from './flow'

const OFFER: OfferView = {
  id: 'o',
  practiceArea: 'LABOUR',
  channel: 'video',
  routeMode: 'BROADCAST',
  grade: 'NORMAL',
  callBack: false,
  locality: '河西村',
  createdAt: 0,
  expiresAt: 60_000,
}
const SESSION = {
  type: 'session',
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
} as const satisfies ServerMessage

describe('ringing', () => {
  test('an offer rings until it is closed, and the desk says why', () => {
    const rung = desk({ type: 'offered', ...OFFER })
    const quiet = hear(rung, { type: 'offerClosed', offer: 'o', reason: 'taken' })

    expect([word(rung), word(quiet)]).toEqual(['ringing', 'idle'])
    expect(quiet.closed).toBe('taken')
  })

  test('the same offer twice is one ring', () => {
    expect(desk({ type: 'offered', ...OFFER }, { type: 'offered', ...OFFER }).offers).toHaveLength(1)
  })

  test('the winner is not told that the offer is gone', () => {
    const talking = desk({ type: 'offered', ...OFFER }, SESSION)

    expect(hear(talking, { type: 'offerClosed', offer: 'o', reason: 'acceptedElsewhere' }).closed).toBeNull()
    expect(talking.offers).toEqual([])
  })
})

describe('after the call', () => {
  const ended = (reason: 'CITIZEN_HUNG_UP' | 'NO_MEDIA', outcomeDue: boolean) =>
    ({ type: 'sessionEnded', session: 's', consultation: 'c', reason, twoWayS: 20, outcomeDue }) as const

  test('the outcome is due until it is written', () => {
    const due = desk(SESSION, ended('CITIZEN_HUNG_UP', true))

    expect([word(due), due.due, due.talk.ending?.twoWayS]).toEqual(['ended', 's', 20])
    expect(word(finish(due))).toBe('idle')
  })

  test('a call without sound asks for no outcome', () => {
    const free = desk(SESSION, ended('NO_MEDIA', false))

    expect([word(free), free.closed]).toEqual(['idle', 'noMedia'])
  })
})

test('being on duty includes breaks and wrap-up', () => {
  expect((['OFFLINE', 'ONLINE', 'AVAILABLE', 'BREAK', 'WRAP_UP'] as const).map(isOnDuty)).toEqual([
    false,
    false,
    true,
    true,
    true,
  ])
})

function desk(...messages: ServerMessage[]): Desk {
  return messages.reduce(hear, EMPTY_DESK)
}

function hear(before: Desk, message: ServerMessage): Desk {
  return hearDesk(before, message, 0)
}

function word(it: Desk): string {
  return deskState(it, true, false)
}
