// The transport: offered, answered, interrupted, lost and offered again.
import { beforeEach, expect, test } from 'vitest'
import { Transport, type TransportInput, type TransportOutput } from './transport'

let transport: Transport
let now: number

beforeEach(() => {
  now = 0
  let attempt = 6
  transport = new Transport(() => ++attempt)
})

test('joining offers once, however often it is asked', () => {
  expect(feed({ kind: 'join' })).toEqual([
    { kind: 'offer', attempt: 7 },
    { kind: 'status', status: 'joining' },
  ])
  expect(feed({ kind: 'join' })).toEqual([])
})

test('an answer to an earlier attempt is ignored', () => {
  feed({ kind: 'join' })

  expect(feed({ kind: 'answer', attempt: 6, answer: 'old' })).toEqual([])
  expect(feed({ kind: 'answer', attempt: 7, answer: 'new' })).toEqual([{ kind: 'apply', attempt: 7, answer: 'new' }])
})

test('a short interruption heals without a new offer', () => {
  connect()

  expect(feed({ kind: 'ice', attempt: 7, state: 'disconnected' })).toEqual([{ kind: 'status', status: 'interrupted' }])
  expect(feed({ kind: 'ice', attempt: 7, state: 'connected' })).toEqual([{ kind: 'status', status: 'connected' }])
})

test('a failed transport is offered again at once, with the next attempt', () => {
  connect()

  expect(feed({ kind: 'ice', attempt: 7, state: 'failed' })).toEqual([
    { kind: 'drop' },
    { kind: 'status', status: 'interrupted' },
    { kind: 'offer', attempt: 8 },
  ])
})

test('what the server lost is offered again', () => {
  connect()

  expect(feed({ kind: 'lost' })).toContainEqual({ kind: 'offer', attempt: 8 })
})

test('a server that greets the page as a new one is offered a new transport in place of the one that stood', () => {
  connect()

  expect(feed({ kind: 'greeted' })).toContainEqual({ kind: 'offer', attempt: 8 })
  // The line says it again by itself.
  expect(feed({ kind: 'greeted' })).toEqual([])
})

test('a connection that the browser closed while the page was away is offered again', () => {
  connect()

  expect(feed({ kind: 'ice', attempt: 7, state: 'closed' })).toContainEqual({ kind: 'offer', attempt: 8 })
})

test('repeated failures wait longer and longer, and a success forgets them', () => {
  feed({ kind: 'join' })
  const waits = []
  for (let tries = 0; tries < 6; tries += 1) {
    const failedAt = now
    const outputs = feed({ kind: 'lost' })
    if (!outputs.some(output => output.kind === 'offer')) {
      now = transport.deadline() ?? now
      feed({ kind: 'timeout' })
    }
    waits.push(now - failedAt)
  }

  expect(waits).toEqual([0, 1_000, 2_000, 4_000, 8_000, 8_000])
  feed({ kind: 'ice', attempt: 13, state: 'connected' })
  expect(feed({ kind: 'lost' })).toContainEqual({ kind: 'offer', attempt: 14 })
})

test('an offer that nobody answers is given up', () => {
  feed({ kind: 'join' })
  now = transport.deadline() ?? 0

  expect(feed({ kind: 'timeout' })).toContainEqual({ kind: 'offer', attempt: 8 })
})

test('leaving drops everything and waits for nothing', () => {
  connect()

  expect(feed({ kind: 'leave' })).toEqual([{ kind: 'drop' }, { kind: 'status', status: 'none' }])
  expect(transport.deadline()).toBeNull()
  expect(feed({ kind: 'ice', attempt: 7, state: 'failed' })).toEqual([])
})

function feed(input: TransportInput): TransportOutput[] {
  transport.handle(input, now)
  const outputs: TransportOutput[] = []
  for (let output = transport.poll(); output; output = transport.poll()) outputs.push(output)
  return outputs
}

function connect(): void {
  feed({ kind: 'join' })
  feed({ kind: 'answer', attempt: 7, answer: 'sdp' })
  feed({ kind: 'ice', attempt: 7, state: 'connected' })
}
