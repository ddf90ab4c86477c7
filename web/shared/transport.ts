// When the client's one transport is offered, answered, lost and offered again; a value, without WebRTC in it.

/** An attempt that is neither answered nor connected within this time is given up. */
const CONNECT_TIMEOUT_MS = 12_000
/** Waits before a new attempt; the first is at once, because a broken call is a person who waits. */
const RETRY_MS = [0, 1_000, 2_000, 4_000, 8_000]

export type TransportStatus = 'none' | 'joining' | 'connected' | 'interrupted'

export type TransportInput =
  | { kind: 'join' }
  | { kind: 'leave' }
  | { kind: 'answer'; attempt: number; answer: string }
  | { kind: 'refused'; attempt: number }
  | { kind: 'ice'; attempt: number; state: RTCIceConnectionState }
  | { kind: 'lost' }
  /** The server greets this page as a new one: what stood before is nothing to it. */
  | { kind: 'greeted' }
  | { kind: 'timeout' }

export type TransportOutput =
  | { kind: 'offer'; attempt: number }
  | { kind: 'apply'; attempt: number; answer: string }
  | { kind: 'drop' }
  | { kind: 'status'; status: TransportStatus }

type State =
  | { name: 'none' }
  | { name: 'joining'; attempt: number; deadline: number }
  | { name: 'connected'; attempt: number; interrupted: boolean }
  | { name: 'waiting'; until: number }

export class Transport {
  private state: State = { name: 'none' }
  private status: TransportStatus = 'none'
  private failures = 0
  private readonly outputs: TransportOutput[] = []

  /** `nextAttempt` must rise with each call, also over reloads of the page. */
  constructor(private readonly nextAttempt: () => number) {}

  poll(): TransportOutput | undefined {
    return this.outputs.shift()
  }

  deadline(): number | null {
    if (this.state.name === 'joining') return this.state.deadline
    return this.state.name === 'waiting' ? this.state.until : null
  }

  handle(input: TransportInput, now: number): void {
    switch (input.kind) {
      case 'join':
        if (this.state.name === 'none') this.offer(now)
        return
      case 'leave':
        if (this.state.name === 'none') return
        this.state = { name: 'none' }
        this.failures = 0
        this.outputs.push({ kind: 'drop' })
        this.announce('none')
        return
      case 'answer':
        if (this.isCurrent(input.attempt)) this.outputs.push({ ...input, kind: 'apply' })
        return
      case 'refused':
        if (this.isCurrent(input.attempt)) this.fail(now)
        return
      case 'ice':
        if (this.isCurrent(input.attempt)) this.followIce(input.attempt, input.state, now)
        return
      case 'lost':
        if (this.state.name === 'joining' || this.state.name === 'connected') this.fail(now)
        return
      case 'greeted':
        // An offer that is under way is said again by the line.
        if (this.state.name === 'connected') this.fail(now)
        return
      case 'timeout': {
        const due = this.deadline()
        if (due === null || now < due) return
        if (this.state.name === 'waiting') this.offer(now)
        else this.fail(now)
      }
    }
  }

  private followIce(attempt: number, state: RTCIceConnectionState, now: number): void {
    switch (state) {
      case 'connected':
      case 'completed':
        this.failures = 0
        this.state = { name: 'connected', attempt, interrupted: false }
        return this.announce('connected')
      case 'disconnected':
        // Often heals by itself (another address of ours is nominated); only `failed` costs a new offer.
        if (this.state.name !== 'connected') return
        this.state = { ...this.state, interrupted: true }
        return this.announce('interrupted')
      case 'failed':
      case 'closed':
        return this.fail(now)
      default:
        return
    }
  }

  private isCurrent(attempt: number): boolean {
    return (this.state.name === 'joining' || this.state.name === 'connected') && this.state.attempt === attempt
  }

  private offer(now: number): void {
    const attempt = this.nextAttempt()
    this.state = { name: 'joining', attempt, deadline: now + CONNECT_TIMEOUT_MS }
    this.outputs.push({ kind: 'offer', attempt })
    this.announce(this.status === 'connected' || this.status === 'interrupted' ? 'interrupted' : 'joining')
  }

  private fail(now: number): void {
    const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)] ?? 0
    this.failures += 1
    this.outputs.push({ kind: 'drop' })
    this.announce(this.status === 'joining' ? 'joining' : 'interrupted')
    if (wait === 0) this.offer(now)
    else this.state = { name: 'waiting', until: now + wait }
  }

  private announce(status: TransportStatus): void {
    if (this.status === status) return
    this.status = status
    this.outputs.push({ kind: 'status', status })
  }
}
