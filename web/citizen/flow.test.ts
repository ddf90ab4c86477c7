// The citizen's way.
import { describe, expect, test } from 'vitest'
import type { ConsultationState, ConsultationView, ServerMessage, SessionView, Welcome } from '#shared/protocol'
import {
  answer,
  entrySourceOf,
  type Flow,
  hear,
  leave,
  prepare,
  refuse,
  request,
  START,
  stateWord,
  type Wish,
} from './flow'

const WISH: Wish = { practiceArea: 'LABOUR', area: '371321101201', channel: 'video', lawyer: null }
const WELCOME: Welcome = {
  version: 1,
  role: 'CITIZEN',
  name: '群众',
  resumeToken: '',
  resumeSeconds: 60,
  presence: null,
  consultation: null,
  session: null,
  offers: [],
  outcomeDue: null,
  now: 0,
}
const ASKED = request(prepare(START, WISH), 'c', 'video')

test('the source of an entry is what a printed code says, and nothing else', () => {
  for (const source of ['qr-hexi', '河西村:1', 'a_b.c', 'x'.repeat(64)])
    expect(entrySourceOf(`?src=${source}`)).toBe(source)
  for (const source of ['', '%3Cscript%3E', 'a b', 'x'.repeat(65)]) expect(entrySourceOf(`?src=${source}`)).toBeNull()
  expect(entrySourceOf('')).toBeNull()
})

describe('waiting', () => {
  test('nothing is asked before the devices are there', () => {
    expect(prepare(START, WISH)).toMatchObject({ stage: 'preparing', matter: null })
    expect(word(prepare(START, WISH))).toBe('idle')
  })

  test('a missing microphone turns the wish into text', () => {
    expect(request(prepare(START, WISH), 'c', 'text').wish?.channel).toBe('text')
  })

  test('it queues until somebody is rung', () => {
    expect(word(heard(matter('MATCHING', 0)))).toBe('queued')
    expect(word(heard(matter('MATCHING', 3)))).toBe('ringing')
  })

  test('another matter is not ours', () => {
    expect(heard({ ...matter('UNSERVED'), id: 'x' })).toEqual(ASKED)
  })

  test('nobody answering is said, with the wish kept for another try', () => {
    const flow = heard(matter('UNSERVED'))

    expect(flow).toMatchObject({ stage: 'over', unserved: { kind: 'missed' }, wish: WISH })
    expect(word(flow)).toBe('ended')
  })

  test('a refusal keeps its code', () => {
    expect(refuse(ASKED, 'draining').unserved).toEqual({ kind: 'refused', code: 'draining' })
  })

  test('cancelling leads back to the start', () => {
    expect(heard(matter('CANCELLED'))).toEqual({ ...START, left: 'c' })
  })
})

describe('when nobody came', () => {
  const choosing = { ...matter('UNSERVED'), choiceUntil: 600_000 }
  const held = { ...matter('ON_HOLD') }
  const called = { ...session('CONNECTING'), callBack: true }

  test('the citizen may choose, waits on, and is not sent away', () => {
    const flow = heard(choosing)

    expect(flow).toMatchObject({ stage: 'unanswered', unserved: null })
    expect(word(flow)).toBe('unanswered')
    expect(hear(flow, matter('MATCHING')).stage).toBe('waiting')
    expect(hear(flow, matter('UNSERVED'))).toMatchObject({ stage: 'over', unserved: { kind: 'missed' } })
  })

  test('a call back rings, is answered once, and is a talk like any other', () => {
    const waits = hear(heard(choosing), held)
    expect(word(waits)).toBe('held')

    const rings = hear(hear(waits, matter('ASSIGNED')), called)
    expect(word(rings)).toBe('called')
    const taken = answer(rings)
    expect(word(taken)).toBe('connecting')
    expect(hear(taken, called).stage).toBe('talking')
    expect(word(hear(taken, { ...called, state: 'ACTIVE' }))).toBe('active')
  })

  test('a call that was not answered keeps the place', () => {
    const rings = hear(heard(held), called)
    const ended = { session: 's', consultation: 'c', reason: 'NOT_ANSWERED', twoWayS: 0, outcomeDue: false } as const
    const missed = hear(rings, { type: 'sessionEnded', ...ended })

    expect(word(missed)).toBe('held')
    expect(word(hear(missed, held))).toBe('held')
    expect(hear(missed, matter('UNSERVED')).unserved).toEqual({ kind: 'missed' })
  })

  test('whoever opens the page again finds what waits', () => {
    for (const [consultation, stage] of [
      [choosing, 'unanswered'],
      [held, 'held'],
    ] as const) {
      expect(hear(START, { type: 'welcome', ...WELCOME, consultation }).stage).toBe(stage)
    }
    const welcome: Welcome = { ...WELCOME, consultation: matter('ASSIGNED'), session: called }
    expect(hear(START, { type: 'welcome', ...welcome }).stage).toBe('called')
    expect(hear(heard(held), { type: 'welcome', ...WELCOME }).unserved).toEqual({ kind: 'missed' })
  })
})

describe('talking', () => {
  test('an acceptance connects, the session activates, hanging up asks for stars', () => {
    const assigned = heard(matter('ASSIGNED'))
    const active = hear(assigned, session('ACTIVE'))
    const over = hear(active, ended('CITIZEN_HUNG_UP'))

    expect([word(assigned), word(active), word(over)]).toEqual(['connecting', 'active', 'ended'])
    expect(over).toMatchObject({ matter: 'c', unserved: null })
    expect(hear(over, { type: 'rated', consultation: 'c', stars: 5 }).stars).toBe(5)
  })

  test('an acceptance without sound goes back to waiting', () => {
    const flow = hear(heard(matter('ASSIGNED'), session('CONNECTING')), ended('NO_MEDIA'))

    expect(flow.stage).toBe('waiting')
    expect(hear(flow, matter('MATCHING', 2)).stage).toBe('waiting')
    expect(hear(flow, matter('UNSERVED')).unserved).toEqual({ kind: 'missed' })
  })

  test('words about the matter after the end do not open it again', () => {
    const over = hear(heard(session('ACTIVE')), ended('LAWYER_HUNG_UP'))

    expect(hear(over, matter('IN_SERVICE')).stage).toBe('over')
    expect(hear(over, matter('ANSWERED')).stage).toBe('over')
  })
})

describe('coming back', () => {
  test('a reload finds the running session', () => {
    const { type: _, ...view } = session('ACTIVE')
    const flow = hear(START, { type: 'welcome', ...WELCOME, session: view })

    expect(flow).toMatchObject({ stage: 'talking', matter: 'c' })
  })

  test('a reload finds the place in the queue', () => {
    const { type: _, ...view } = matter('MATCHING')

    expect(hear(START, { type: 'welcome', ...WELCOME, consultation: view })).toMatchObject({
      stage: 'waiting',
      matter: 'c',
    })
  })

  test('a request still on its way is not given up', () => {
    expect(hear(ASKED, { type: 'welcome', ...WELCOME }).stage).toBe('waiting')
  })

  test('a matter that the server no longer has is said', () => {
    const flow = hear(heard(matter('MATCHING')), { type: 'welcome', ...WELCOME })

    expect(flow.unserved).toEqual({ kind: 'lost' })
  })

  test('a call that ended while away shows its end', () => {
    const flow = hear(heard(session('ACTIVE')), { type: 'welcome', ...WELCOME })

    expect(flow).toMatchObject({ stage: 'over', talk: { ending: { reason: 'CONNECTION_LOST' } } })
  })

  test.each(['ASSIGNED', 'IN_SERVICE', 'ANSWERED'] as const)('a matter that is over can still be rated: %s', state => {
    const { type: _, ...view } = matter(state)
    const welcome: ServerMessage = { type: 'welcome', ...WELCOME, consultation: view }
    const flow = hear(START, welcome)

    expect(flow).toMatchObject({ stage: 'over', matter: 'c', unserved: null, talk: { ending: null } })
    expect(hear(leave(flow), welcome).stage).toBe('choosing')
  })

  test('an old matter does not take the place of a new request', () => {
    const { type: _, ...view } = matter('ANSWERED')
    const flow = hear(ASKED, { type: 'welcome', ...WELCOME, consultation: { ...view, id: 'old' } })

    expect(flow).toMatchObject({ stage: 'waiting', matter: 'c' })
  })
})

function heard(...messages: ServerMessage[]): Flow {
  return messages.reduce(hear, ASKED)
}

function word(flow: Flow): string {
  return stateWord(flow, true, false)
}

function matter(state: ConsultationState, ringing = 0): { type: 'consultation' } & ConsultationView {
  return {
    type: 'consultation',
    id: 'c',
    state,
    practiceArea: 'LABOUR',
    channel: 'video',
    routeMode: 'BROADCAST',
    createdAt: 0,
    ringing,
    chosenCannot: false,
    choiceUntil: null,
  }
}

function session(state: SessionView['state']): { type: 'session' } & SessionView {
  return {
    type: 'session',
    id: 's',
    consultation: 'c',
    callBack: false,
    state,
    channel: 'video',
    practiceArea: 'LABOUR',
    locality: '河西村',
    you: 'me',
    legs: [],
    activeSince: null,
    seatUntil: null,
    proposal: null,
    invitation: null,
    chatLines: 0,
  }
}

function ended(reason: 'CITIZEN_HUNG_UP' | 'LAWYER_HUNG_UP' | 'NO_MEDIA'): ServerMessage {
  return { type: 'sessionEnded', session: 's', consultation: 'c', reason, twoWayS: 20, outcomeDue: false }
}
