// The shell around the line: a real WebSocket, the real clock and the real dice.
import type { Api } from './api'
import { Problem } from './api'
import { mintId } from './ids'
import { Line, type LineInput, type LineStatus } from './line'
import type { ClientMessage, DeviceClass, ErrorCode, ServerFrame, ServerMessage } from './protocol'
import { onReturn } from './returning'

export interface SocketEvents {
  onMessage(message: ServerMessage): void
  onStatus(status: LineStatus): void
}

export interface Socket {
  start(): void
  stop(): void
  /** Says something; resolves with `null` when it is done, or with the code of the refusal. */
  say(message: ClientMessage): Promise<ErrorCode | null>
}

/** Opens a socket client for one page. Nothing is connected before `start`. */
export function openSocket(api: Api, events: SocketEvents): Socket {
  const line = new Line({ device: deviceClass(), random: Math.random, mintId })
  const waiting = new Map<string, (refused: ErrorCode | null) => void>()
  let socket: WebSocket | null = null
  let spare: WebSocket | null = null
  let timer: ReturnType<typeof setTimeout> | undefined

  const feed = (input: LineInput): void => {
    line.handle(input, performance.now())
    for (let output = line.poll(); output; output = line.poll()) {
      switch (output.kind) {
        case 'fetch-ticket':
          void fetchTicket()
          break
        case 'open':
          socket = connect()
          break
        case 'close':
          disconnect(output.final)
          break
        case 'open-spare':
          spare = connect()
          break
        case 'take-spare':
          takeSpare()
          break
        case 'drop-spare':
          dropSpare()
          break
        case 'send':
          socket?.send(JSON.stringify(output.frame))
          break
        case 'message':
          events.onMessage(output.message)
          break
        case 'reply':
          waiting.get(output.id)?.(output.refused)
          waiting.delete(output.id)
          break
        case 'status':
          events.onStatus(output.status)
      }
    }
    clearTimeout(timer)
    const due = line.deadline()
    if (due !== null) timer = setTimeout(() => feed({ kind: 'timeout' }), Math.max(0, due - performance.now()) + 1)
  }

  const fetchTicket = async (): Promise<void> => {
    try {
      const { ticket } = await api.post<{ ticket: string }>('/api/ws-ticket')
      feed({ kind: 'ticket', ticket })
    } catch (error) {
      const problem = error instanceof Problem ? error : null
      feed({ kind: 'ticket-failed', signedOut: problem?.status === 401, retryAfter: problem?.retryAfter ?? null })
    }
  }

  const connect = (): WebSocket => {
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:'
    const opened = new WebSocket(`${scheme}//${location.host}/ws`)
    // Events of a socket that was given up are nobody's business any more.
    opened.onopen = () => {
      if (socket === opened) feed({ kind: 'opened' })
      else if (spare === opened) feed({ kind: 'spare-opened' })
    }
    opened.onclose = () => {
      if (socket === opened) feed({ kind: 'lost' })
      else if (spare === opened) feed({ kind: 'spare-lost' })
    }
    opened.onmessage = event => {
      const frame = readFrame(event.data)
      if (frame && socket === opened) feed({ kind: 'frame', frame })
    }
    return opened
  }

  const takeSpare = (): void => {
    const old = socket
    socket = spare
    spare = null
    old?.close()
  }

  const dropSpare = (): void => {
    const old = spare
    spare = null
    old?.close()
  }

  const disconnect = (final: boolean): void => {
    const old = socket
    socket = null
    if (final) old?.close(1000)
    else old?.close()
    dropSpare()
  }

  const nudge = (): void => feed({ kind: 'nudge' })
  // `connection` is not in every browser; where it is, it tells of a change from one network to another.
  const { connection } = navigator as { connection?: EventTarget }
  const changes: [EventTarget | undefined, string][] = [
    [window, 'online'],
    [window, 'offline'],
    [connection, 'change'],
    // Thawed behind another page: the clock has jumped, and the socket may be gone unnoticed.
    [document, 'resume'],
  ]
  for (const [target, event] of changes) target?.addEventListener(event, nudge)
  onReturn(nudge)

  return {
    start: () => feed({ kind: 'start' }),
    stop: () => feed({ kind: 'stop' }),
    say: message =>
      new Promise(resolve => {
        const id = mintId()
        waiting.set(id, resolve)
        feed({ kind: 'say', id, message })
      }),
  }
}

/** What this page runs on; only said for the record, nothing depends on it. */
function deviceClass(): DeviceClass {
  return matchMedia('(pointer: coarse)').matches ? 'MOBILE' : 'DESKTOP'
}

function readFrame(data: unknown): ServerFrame | null {
  if (typeof data !== 'string') return null
  try {
    const frame: unknown = JSON.parse(data)
    const whole = typeof frame === 'object' && frame !== null && 'seq' in frame && 'type' in frame
    return whole ? (frame as ServerFrame) : null
  } catch {
    return null
  }
}
