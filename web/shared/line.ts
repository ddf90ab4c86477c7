// The line to the server as a value: what to open, send and wait for; no socket, no clock, no dice of its own.
import {
  type ClientFrame,
  type ClientMessage,
  type DeviceClass,
  type ErrorCode,
  PROTOCOL_VERSION,
  type ServerFrame,
  type ServerMessage,
} from './protocol'

/** A silent line is asked after this long. */
const PING_AFTER_MS = 5_000
/** The same during a session: who talks and changes from one network to another must not wait for long. */
const PING_AFTER_LIVE_MS = 1_000
/**
 * An answer that takes longer than this, and up to as much again by chance, lets a second socket be opened beside the
 * silent one; whichever speaks first is used. So a slow link loses nothing, and a dead one is replaced within seconds.
 */
const SUSPECT_AFTER_MS = 650
/** With nothing heard for this long the socket is taken for dead, whatever the operating system believes. */
const DEAD_AFTER_MS = 13_000
/** A socket that does not open or greet within this time is given up. */
const GREETING_TIMEOUT_MS = 10_000
/** Retry delays: uniformly within 0..min(cap, base × 2^n), from the first retry on, so that a restart is no stampede. */
const RETRY_BASE_MS = 600
const RETRY_CAP_MS = 12_000
/** Who was told when to come back does so within a second after that: the server tells everybody another second. */
const TOLD_SPREAD_MS = 1_000
/** Requests that may wait for an answer. */
const MAX_PENDING = 64

/** Why the line is down for good, until somebody asks again. */
export type Refusal = 'signed-out' | 'elsewhere' | 'outdated'

export type LineStatus =
  | { name: 'closed' }
  /** `crowded`: the server is there, but too many come at once, and it said when to come back. */
  | { name: 'connecting'; since: number; crowded: boolean }
  | { name: 'open' }
  | { name: 'refused'; reason: Refusal }

export type LineInput =
  | { kind: 'start' }
  | { kind: 'stop' }
  | { kind: 'nudge' }
  | { kind: 'ticket'; ticket: string }
  /** `retryAfter`: seconds, where the server said so. */
  | { kind: 'ticket-failed'; signedOut: boolean; retryAfter: number | null }
  | { kind: 'opened' }
  | { kind: 'lost' }
  | { kind: 'spare-opened' }
  | { kind: 'spare-lost' }
  | { kind: 'frame'; frame: ServerFrame }
  | { kind: 'say'; id: string; message: ClientMessage }
  | { kind: 'timeout' }

export type LineOutput =
  | { kind: 'fetch-ticket' }
  | { kind: 'open' }
  /** `final`: the stream is not to be resumed, the server may forget it. */
  | { kind: 'close'; final: boolean }
  /** Opens a second socket beside the silent one. */
  | { kind: 'open-spare' }
  /** The second socket takes the place of the first, which is closed. */
  | { kind: 'take-spare' }
  | { kind: 'drop-spare' }
  | { kind: 'send'; frame: ClientFrame }
  | { kind: 'message'; message: ServerMessage }
  | { kind: 'reply'; id: string; refused: ErrorCode | null }
  | { kind: 'status'; status: LineStatus }

type State =
  | { name: 'closed' }
  /** `greeted`: a socket is open that may say hello. */
  | { name: 'ticket'; greeted: boolean }
  | { name: 'opening'; ticket: string | null; deadline: number }
  | { name: 'greeting'; deadline: number }
  /** `suspect`: when an unanswered question makes the socket one; `null` while nothing is asked. */
  | { name: 'open'; heard: number; suspect: number | null; spare: boolean }
  /** `told`: by the server, which knows better than a network that is back. */
  | { name: 'waiting'; until: number; told: boolean }
  | { name: 'refused' }

interface Resumable {
  token: string
  seconds: number
  lastSeq: number
  epoch: number
}

export interface LineOptions {
  device: DeviceClass
  /** Uniform in 0..1. */
  random: () => number
  mintId: () => string
}

/** Feed it inputs with `now` (monotonic milliseconds), drain the outputs, wake it at `deadline()`. */
export class Line {
  private state: State = { name: 'closed' }
  private resumable: Resumable | null = null
  private brokenAt: number | null = null
  private retries = 0
  /** A session is running. */
  private live = false
  private readonly pending = new Map<string, ClientFrame>()
  private readonly outputs: LineOutput[] = []
  private status: LineStatus = { name: 'closed' }

  constructor(private readonly options: LineOptions) {}

  poll(): LineOutput | undefined {
    return this.outputs.shift()
  }

  deadline(): number | null {
    switch (this.state.name) {
      case 'opening':
      case 'greeting':
        return this.state.deadline
      case 'waiting':
        return this.state.until
      case 'open':
        if (this.state.spare) return this.state.heard + DEAD_AFTER_MS
        return this.state.suspect ?? this.state.heard + (this.live ? PING_AFTER_LIVE_MS : PING_AFTER_MS)
      default:
        return null
    }
  }

  handle(input: LineInput, now: number): void {
    switch (input.kind) {
      case 'start':
        if (this.state.name === 'closed' || this.state.name === 'refused') this.connect(now)
        return
      case 'stop':
        this.stop({ name: 'closed' }, { name: 'closed' })
        return
      case 'nudge':
        // The network is another one, or the page is in front again: no need to wait, but not all pages at once either.
        if (this.state.name === 'waiting' && !this.state.told) {
          const until = Math.min(this.state.until, now + this.options.random() * 500)
          this.state = { name: 'waiting', until, told: false }
        } else if (this.state.name === 'open') this.ping(now)
        return
      case 'ticket':
        if (this.state.name !== 'ticket') return
        if (this.state.greeted) this.greet(input.ticket, now)
        else this.open(input.ticket, now)
        return
      case 'ticket-failed':
        if (this.state.name !== 'ticket') return
        if (input.signedOut) this.refuse('signed-out')
        else this.retry(now, input.retryAfter)
        return
      case 'opened':
        if (this.state.name === 'opening') this.greet(this.state.ticket, now)
        return
      case 'lost':
        if (this.state.name === 'opening' || this.state.name === 'greeting' || this.state.name === 'open')
          this.retry(now)
        else if (this.state.name === 'ticket') this.state = { name: 'ticket', greeted: false }
        return
      case 'spare-opened':
        if (this.state.name === 'open' && this.state.spare) this.takeSpare(now)
        return
      case 'spare-lost':
        // Neither the old socket nor a new one: the network is away.
        if (this.state.name === 'open' && this.state.spare) this.retry(now)
        return
      case 'frame':
        this.hear(input.frame, now)
        return
      case 'say':
        this.say(input.id, input.message)
        return
      case 'timeout':
        this.wake(now)
    }
  }

  private connect(now: number): void {
    this.announce({ name: 'connecting', since: this.brokenAt ?? now, crowded: this.isCrowded() })
    // A stream older than the server keeps it is not worth asking for.
    const stale = this.resumable && this.brokenAt !== null && now - this.brokenAt > this.resumable.seconds * 1000
    if (stale) this.resumable = null
    if (this.resumable) return this.open(null, now)
    this.state = { name: 'ticket', greeted: false }
    this.outputs.push({ kind: 'fetch-ticket' })
  }

  private isCrowded(): boolean {
    return this.status.name === 'connecting' && this.status.crowded
  }

  private open(ticket: string | null, now: number): void {
    this.state = { name: 'opening', ticket, deadline: now + GREETING_TIMEOUT_MS }
    this.outputs.push({ kind: 'open' })
  }

  private greet(ticket: string | null, now: number): void {
    this.state = { name: 'greeting', deadline: now + GREETING_TIMEOUT_MS }
    if (ticket !== null) {
      this.send({ type: 'hello', version: PROTOCOL_VERSION, ticket, device: this.options.device })
    } else if (this.resumable) {
      this.resumable.epoch += 1
      const { token, lastSeq, epoch } = this.resumable
      this.send({ type: 'resume', version: PROTOCOL_VERSION, resumeToken: token, lastSeq, epoch })
    }
  }

  private hear(frame: ServerFrame, now: number): void {
    if (this.state.name === 'greeting') return this.hearGreeting(frame, now)
    if (this.state.name !== 'open') return
    if (this.state.spare) this.outputs.push({ kind: 'drop-spare' })
    this.state = { name: 'open', heard: now, suspect: null, spare: false }
    if (frame.type === 'pong' || !this.inOrder(frame, now)) return
    if (frame.type === 'error' && frame.replyTo === null) {
      if (frame.code === 'stale-epoch') return this.refuse('elsewhere')
      if (frame.code === 'unauthenticated') return this.refuse('signed-out')
    }
    this.pass(frame)
  }

  private hearGreeting(frame: ServerFrame, now: number): void {
    switch (frame.type) {
      case 'welcome':
        this.resumable = { token: frame.resumeToken, seconds: frame.resumeSeconds, lastSeq: frame.seq, epoch: 0 }
        this.live = frame.session !== null
        this.outputs.push({ kind: 'message', message: frame })
        return this.settle(now)
      case 'resumed':
        if (this.resumable && frame.seq > this.resumable.lastSeq) this.resumable.lastSeq = frame.seq
        return this.settle(now)
      case 'error':
        return this.hearRefusal(frame.code, frame.retryAfter, now)
      default:
        // Nothing else may come before the greeting is answered.
        return
    }
  }

  private hearRefusal(code: ErrorCode, retryAfter: number | null, now: number): void {
    switch (code) {
      case 'stale-epoch':
      case 'not-allowed':
        return this.refuse('elsewhere')
      case 'unsupported-version':
        return this.refuse('outdated')
      case 'resume-lost':
        // Start afresh with a new ticket: the server is there, only the old stream is not. The socket may say hello.
        this.resumable = null
        this.state = { name: 'ticket', greeted: true }
        this.outputs.push({ kind: 'fetch-ticket' })
        return
      case 'unauthenticated':
        this.resumable = null
        return this.retry(now)
      default:
        return this.retry(now, retryAfter)
    }
  }

  private settle(now: number): void {
    this.state = { name: 'open', heard: now, suspect: null, spare: false }
    this.retries = 0
    this.brokenAt = null
    this.announce({ name: 'open' })
    // What has no answer yet is said again with its id; the server does it once.
    for (const frame of this.pending.values()) this.outputs.push({ kind: 'send', frame })
  }

  /** Whether the frame is the next one: a repetition is dropped, a gap means that something was lost on the way. */
  private inOrder(frame: ServerFrame, now: number): boolean {
    if (frame.seq === 0 || !this.resumable) return true
    if (frame.seq <= this.resumable.lastSeq) return false
    if (frame.seq > this.resumable.lastSeq + 1) {
      this.retry(now)
      return false
    }
    this.resumable.lastSeq = frame.seq
    return true
  }

  private pass(frame: ServerFrame): void {
    if (frame.type === 'done' || (frame.type === 'error' && frame.replyTo !== null)) {
      const id = frame.replyTo ?? ''
      if (this.pending.delete(id)) {
        this.outputs.push({ kind: 'reply', id, refused: frame.type === 'error' ? frame.code : null })
      }
      return
    }
    if (frame.type === 'session') this.live = true
    if (frame.type === 'sessionEnded') this.live = false
    this.outputs.push({ kind: 'message', message: frame })
  }

  private say(id: string, message: ClientMessage): void {
    if (this.pending.size >= MAX_PENDING) {
      this.outputs.push({ kind: 'reply', id, refused: 'too-many' })
      return
    }
    const frame: ClientFrame = { id, ...message }
    // Only the newest transport offer matters; an older one that was never answered is not repeated.
    if (message.type === 'joinMedia') this.forget('joinMedia')
    this.pending.set(id, frame)
    if (this.state.name === 'open') this.outputs.push({ kind: 'send', frame })
  }

  private forget(type: ClientMessage['type']): void {
    for (const [id, frame] of this.pending) {
      if (frame.type === type) this.pending.delete(id)
    }
  }

  private wake(now: number): void {
    const due = this.deadline()
    if (due === null || now < due) return
    if (this.state.name === 'waiting') return this.connect(now)
    if (this.state.name !== 'open' || this.state.spare) return this.retry(now)
    if (this.state.suspect === null) return this.ping(now)
    this.state = { ...this.state, suspect: null, spare: true }
    this.outputs.push({ kind: 'open-spare' })
  }

  private ping(now: number): void {
    if (this.state.name !== 'open' || this.state.suspect !== null || this.state.spare) return
    // A page that slept has heard nothing for long; the silence counts from the question on.
    const heard = Math.max(this.state.heard, now - PING_AFTER_MS)
    const suspect = now + SUSPECT_AFTER_MS * (1 + this.options.random())
    this.state = { name: 'open', heard, suspect, spare: false }
    this.send({ type: 'ping' })
  }

  /** The second socket is open and the first still silent: go on with the second. */
  private takeSpare(now: number): void {
    this.outputs.push({ kind: 'take-spare' })
    this.brokenAt ??= now
    this.announce({ name: 'connecting', since: this.brokenAt, crowded: false })
    this.greet(null, now)
  }

  private send(message: ClientMessage): void {
    this.outputs.push({ kind: 'send', frame: { id: this.options.mintId(), ...message } })
  }

  /** `retryAfter`: seconds, where the server said so. */
  private retry(now: number, retryAfter: number | null = null): void {
    this.outputs.push({ kind: 'close', final: false })
    this.brokenAt ??= now
    const told = retryAfter !== null
    let ceiling = TOLD_SPREAD_MS
    if (!told) {
      ceiling = Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** this.retries)
      this.retries = Math.min(this.retries + 1, 10)
    }
    const until = now + (retryAfter ?? 0) * 1000 + this.options.random() * ceiling
    this.state = { name: 'waiting', until, told }
    this.announce({ name: 'connecting', since: this.brokenAt, crowded: told })
  }

  private refuse(reason: Refusal): void {
    this.stop({ name: 'refused' }, { name: 'refused', reason })
  }

  private stop(state: State, status: LineStatus): void {
    this.state = state
    this.resumable = null
    this.brokenAt = null
    this.retries = 0
    this.live = false
    this.outputs.push({ kind: 'close', final: true })
    for (const id of this.pending.keys()) this.outputs.push({ kind: 'reply', id, refused: 'over' })
    this.pending.clear()
    this.announce(status)
  }

  private announce(status: LineStatus): void {
    const old = this.status
    if (old.name === status.name && (status.name === 'open' || status.name === 'closed')) return
    if (old.name === 'connecting' && status.name === 'connecting' && old.crowded === status.crowded) return
    this.status = status
    this.outputs.push({ kind: 'status', status })
  }
}
