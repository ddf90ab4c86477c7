// The line: greeting, retries, resumption, order, idempotence.
import { beforeEach, describe, expect, test } from 'vitest'
import { Line, type LineInput, type LineOutput } from './line'
import type { ErrorCode, ServerFrame, SessionView, Welcome } from './protocol'

const WELCOME: Welcome = {
  version: 1,
  role: 'CITIZEN',
  name: '群众4821',
  resumeToken: 'token-1',
  resumeSeconds: 60,
  presence: null,
  consultation: null,
  session: null,
  offers: [],
  outcomeDue: null,
  now: 0,
}

const SESSION: SessionView = {
  id: 's',
  consultation: 'c',
  callBack: false,
  state: 'ACTIVE',
  channel: 'voice',
  practiceArea: 'LABOUR',
  locality: '河西村',
  you: 'l',
  legs: [],
  activeSince: 0,
  seatUntil: null,
  proposal: null,
  invitation: null,
  chatLines: 0,
}
const ENDED = { session: 's', consultation: 'c', reason: 'CITIZEN_HUNG_UP', twoWayS: 1, outcomeDue: false } as const

let line: Line
let now: number
let dice: number

beforeEach(() => {
  now = 1_000
  dice = 0.5
  let ids = 0
  line = new Line({ device: 'MOBILE', random: () => dice, mintId: () => `own-${++ids}` })
})

describe('greeting', () => {
  test('a start fetches a ticket, opens a socket and says hello with it', () => {
    expect(kinds(feed({ kind: 'start' }))).toEqual(['status', 'fetch-ticket'])
    expect(kinds(feed({ kind: 'ticket', ticket: 'once' }))).toEqual(['open'])
    expect(sent(feed({ kind: 'opened' }))).toMatchObject([
      { type: 'hello', version: 1, ticket: 'once', device: 'MOBILE' },
    ])
    expect(kinds(hear({ seq: 1, type: 'welcome', ...WELCOME }))).toEqual(['message', 'status'])
  })

  test('a signed-out client is told so and does not try again', () => {
    feed({ kind: 'start' })
    const outputs = feed({ kind: 'ticket-failed', signedOut: true, retryAfter: null })

    expect(outputs).toContainEqual({ kind: 'status', status: { name: 'refused', reason: 'signed-out' } })
    expect(line.deadline()).toBeNull()
  })

  test('a client of another version asks for a reload', () => {
    begin()
    const outputs = hear(refusal('unsupported-version'))

    expect(outputs).toContainEqual({ kind: 'status', status: { name: 'refused', reason: 'outdated' } })
  })

  test('what is said before the greeting waits for it', () => {
    const early = feed({ kind: 'say', id: 'a', message: { type: 'cancelConsultation', consultation: 'c' } })
    begin()
    const outputs = hear({ seq: 1, type: 'welcome', ...WELCOME })

    expect(early).toEqual([])
    expect(sent(outputs)).toEqual([{ id: 'a', type: 'cancelConsultation', consultation: 'c' }])
  })
})

describe('a broken line', () => {
  test('the first retry already waits a random part of its ceiling', () => {
    open()
    dice = 0.25
    feed({ kind: 'lost' })

    expect(line.deadline()).toBe(now + 150)
  })

  test('the ceiling doubles and stays below its cap', () => {
    open()
    dice = 1
    const waits = []
    for (let tries = 0; tries < 8; tries += 1) {
      feed({ kind: 'lost' })
      waits.push((line.deadline() ?? 0) - now)
      now = line.deadline() ?? 0
      feed({ kind: 'timeout' })
    }

    expect(waits).toEqual([600, 1200, 2400, 4800, 9600, 12000, 12000, 12000])
  })

  test('a resumption carries the token, the last number and a rising epoch', () => {
    open()
    hear({ seq: 2, type: 'draining' })

    expect(sent(comeBack())).toMatchObject([{ type: 'resume', resumeToken: 'token-1', lastSeq: 2, epoch: 1 }])
    feed({ kind: 'lost' })
    expect(sent(comeBack(false))).toMatchObject([{ type: 'resume', lastSeq: 2, epoch: 2 }])
  })

  test('unanswered requests are said again with their ids, answered ones are not', () => {
    open()
    feed({ kind: 'say', id: 'a', message: { type: 'hangUp', session: 's' } })
    feed({ kind: 'say', id: 'b', message: { type: 'hangUp', session: 's' } })
    hear({ seq: 2, type: 'done', replyTo: 'a' })
    comeBack()

    expect(sent(hear({ seq: 0, type: 'resumed', epoch: 1 })).map(frame => frame.id)).toEqual(['b'])
  })

  test('of two transport offers only the newer one is repeated', () => {
    begin()
    feed({ kind: 'say', id: 'a', message: { type: 'joinMedia', attempt: 1, offer: '' } })
    feed({ kind: 'say', id: 'b', message: { type: 'joinMedia', attempt: 2, offer: '' } })

    expect(sent(hear({ seq: 1, type: 'welcome', ...WELCOME })).map(frame => frame.id)).toEqual(['b'])
  })

  test('a lost stream starts afresh at once with a new ticket, on the same socket', () => {
    open()
    comeBack()
    const outputs = hear(refusal('resume-lost'))

    expect(kinds(outputs)).toEqual(['fetch-ticket'])
    expect(sent(feed({ kind: 'ticket', ticket: 'twice' }))).toMatchObject([{ type: 'hello', ticket: 'twice' }])
  })

  test('a lost stream whose socket did not wait for the ticket opens another one', () => {
    open()
    comeBack()
    hear(refusal('resume-lost'))
    feed({ kind: 'lost' })

    expect(kinds(feed({ kind: 'ticket', ticket: 'twice' }))).toEqual(['open'])
  })

  test('who is told when to come back comes within the second after that, and the network does not shorten it', () => {
    open()
    comeBack()
    dice = 0.25
    const outputs = hear(refusal('overloaded', 3))
    feed({ kind: 'nudge' })

    expect(line.deadline()).toBe(now + 3_250)
    expect(outputs).toContainEqual({
      kind: 'status',
      status: expect.objectContaining({ name: 'connecting', crowded: true }),
    })
  })

  test('a ticket that is refused for a while is asked for when the server says', () => {
    feed({ kind: 'start' })
    feed({ kind: 'ticket-failed', signedOut: false, retryAfter: 2 })

    expect(line.deadline()).toBe(now + 2_500)
    now = line.deadline() ?? 0
    expect(kinds(feed({ kind: 'timeout' }))).toEqual(['fetch-ticket'])
  })

  test('who waited for the crowd and then finds nobody is told so', () => {
    open()
    comeBack()
    hear(refusal('overloaded', 1))
    now = line.deadline() ?? 0
    expect(feed({ kind: 'timeout' })).toEqual([{ kind: 'open' }])

    expect(feed({ kind: 'lost' })).toContainEqual({
      kind: 'status',
      status: expect.objectContaining({ name: 'connecting', crowded: false }),
    })
  })

  test('after the time that a stream is kept nobody asks for it', () => {
    open()
    feed({ kind: 'lost' })
    now += 61_000

    expect(kinds(feed({ kind: 'timeout' }))).toContain('fetch-ticket')
  })

  test('the network coming back shortens the wait', () => {
    open()
    dice = 1
    for (let tries = 0; tries < 5; tries += 1) {
      feed({ kind: 'lost' })
      now = line.deadline() ?? 0
      feed({ kind: 'timeout' })
    }
    feed({ kind: 'lost' })
    feed({ kind: 'nudge' })

    expect(line.deadline()).toBe(now + 500)
  })
})

describe('an open line', () => {
  test('silence is asked, and silence after that opens a second socket, which goes on where the first fell silent', () => {
    open()
    fallSilent()
    now += 80
    const outputs = feed({ kind: 'spare-opened' })

    expect(kinds(outputs)).toEqual(['take-spare', 'status', 'send'])
    expect(sent(outputs)).toMatchObject([{ type: 'resume', lastSeq: 1, epoch: 1 }])
    expect(kinds(hear({ seq: 0, type: 'resumed', epoch: 1 }))).toEqual(['status'])
  })

  test('a socket that was only slow is kept, and the second one dropped', () => {
    open()
    fallSilent()

    expect(kinds(hear({ seq: 0, type: 'pong' }))).toEqual(['drop-spare'])
    expect(kinds(feed({ kind: 'spare-opened' }))).toEqual([])
    expect(line.deadline()).toBe(now + 5_000)
  })

  test('with neither the first nor the second socket the line is broken', () => {
    open()
    fallSilent()

    expect(kinds(feed({ kind: 'spare-lost' }))).toEqual(['close', 'status'])
  })

  test('a second socket that never opens does not keep the line from being given up', () => {
    open()
    fallSilent()
    now = line.deadline() ?? 0

    expect(kinds(feed({ kind: 'timeout' }))).toEqual(['close', 'status'])
  })

  test('during a session a dead socket is replaced within three seconds', () => {
    dice = 1
    begin()
    hear({ seq: 1, type: 'welcome', ...WELCOME, session: SESSION })
    const silent = now
    fallSilent()

    expect(now - silent).toBeLessThanOrEqual(2_300)
    hear({ seq: 2, type: 'sessionEnded', ...ENDED })
    expect(line.deadline()).toBe(now + 5_000)
  })

  test('a change of network is asked about at once', () => {
    open()

    expect(sent(feed({ kind: 'nudge' }))).toMatchObject([{ type: 'ping' }])
    expect(line.deadline()).toBe(now + 975)
    expect(sent(feed({ kind: 'nudge' }))).toEqual([])
  })

  test('a pong keeps it open', () => {
    open()
    now = line.deadline() ?? 0
    feed({ kind: 'timeout' })
    hear({ seq: 0, type: 'pong' })

    expect(line.deadline()).toBe(now + 5_000)
  })

  test('a repeated message is dropped and a gap breaks the line', () => {
    open()
    expect(kinds(hear({ seq: 2, type: 'draining' }))).toEqual(['message'])
    expect(kinds(hear({ seq: 2, type: 'draining' }))).toEqual([])
    expect(kinds(hear({ seq: 4, type: 'draining' }))).toEqual(['close', 'status'])
  })

  test('another page that took over switches this one off', () => {
    open()
    const outputs = hear({ ...refusal('stale-epoch'), seq: 2 })

    expect(outputs).toContainEqual({ kind: 'status', status: { name: 'refused', reason: 'elsewhere' } })
    expect(outputs).toContainEqual({ kind: 'close', final: true })
  })

  test('a refusal reaches the one who asked', () => {
    open()
    feed({ kind: 'say', id: 'a', message: { type: 'acceptOffer', offer: 'o' } })

    expect(hear({ ...refusal('taken'), seq: 2, replyTo: 'a' })).toEqual([{ kind: 'reply', id: 'a', refused: 'taken' }])
  })

  test('too many unanswered requests are refused here', () => {
    open()
    for (let n = 0; n < 64; n += 1) feed({ kind: 'say', id: `r${n}`, message: { type: 'hangUp', session: 's' } })

    expect(feed({ kind: 'say', id: 'last', message: { type: 'hangUp', session: 's' } })).toEqual([
      { kind: 'reply', id: 'last', refused: 'too-many' },
    ])
  })
})

function feed(input: LineInput): LineOutput[] {
  line.handle(input, now)
  const outputs: LineOutput[] = []
  for (let output = line.poll(); output; output = line.poll()) outputs.push(output)
  return outputs
}

/** Lets nothing be heard until a second socket is wanted. */
function fallSilent(): void {
  now = line.deadline() ?? 0
  expect(sent(feed({ kind: 'timeout' }))).toMatchObject([{ type: 'ping' }])
  now = line.deadline() ?? 0
  expect(kinds(feed({ kind: 'timeout' }))).toEqual(['open-spare'])
}

function refusal(code: ErrorCode, retryAfter: number | null = null) {
  return { seq: 0, type: 'error', replyTo: null, code, message: '', retryAfter } as const
}

function hear(frame: ServerFrame): LineOutput[] {
  return feed({ kind: 'frame', frame })
}

function begin(): void {
  feed({ kind: 'start' })
  feed({ kind: 'ticket', ticket: 'once' })
  feed({ kind: 'opened' })
}

function open(): void {
  begin()
  hear({ seq: 1, type: 'welcome', ...WELCOME })
}

/** Breaks the line (unless it is broken already) and opens the next socket. */
function comeBack(broken = true): LineOutput[] {
  if (broken) feed({ kind: 'lost' })
  now = line.deadline() ?? now
  feed({ kind: 'timeout' })
  return feed({ kind: 'opened' })
}

function kinds(outputs: LineOutput[]): string[] {
  return outputs.map(output => output.kind)
}

function sent(outputs: LineOutput[]) {
  return outputs.flatMap(output => (output.kind === 'send' ? [output.frame] : []))
}
