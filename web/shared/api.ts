// The HTTP side: one function for every call, the page's door in a header, problems as typed errors.

/** Which cookie counts for this page. */
export type Door = 'citizen' | 'lawyer' | 'office'

/** A refusal (`application/problem+json`, RFC 9457), or `unreachable` when nothing came back at all. */
export class Problem extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    /** Seconds after which to try again, where the server says so. */
    readonly retryAfter: number | null = null,
    /** What the server says besides, in English; for staff only. */
    readonly detail: string | null = null,
  ) {
    super(code)
    this.name = 'Problem'
  }
}

/** A table of ten thousand lines is kept in a while. */
const TABLE_TIMEOUT_MS = 70_000

/** Ten megabytes on a rural line. */
const FILE_TIMEOUT_MS = 185_000

/** How long a call may take before the page says that the network is away. */
const CALL_TIMEOUT_MS = 15_000

export interface Api {
  get<T>(path: string): Promise<T>
  post<T>(path: string, body?: unknown): Promise<T>
  /** Gets a file as it is. */
  file(path: string): Promise<Blob>
  /** Posts a file as it is. */
  attach(path: string, file: Blob): Promise<void>
  /** Posts a table as it is on the disk. */
  table<T>(path: string, file: Blob): Promise<T>
}

/** Opens the API for one door. */
export function openApi(door: Door): Api {
  const call = async <T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> => {
    const giveUp = new AbortController()
    const isTable = body instanceof Blob
    const timer = setTimeout(() => giveUp.abort(), isTable ? TABLE_TIMEOUT_MS : CALL_TIMEOUT_MS)
    const headers: Record<string, string> = { Accept: 'application/json', 'Yunfa-Door': door }
    if (body !== undefined) headers['Content-Type'] = isTable ? 'text/csv' : 'application/json'
    try {
      const response = await fetch(path, {
        method,
        headers,
        body: body === undefined ? null : isTable ? body : JSON.stringify(body),
        credentials: 'same-origin',
        signal: giveUp.signal,
      })
      const text = await response.text()
      const parsed = parse(text)
      if (!response.ok) {
        const code = textOf(parsed, 'code') ?? `http-${response.status}`
        throw new Problem(code, response.status, retryAfter(response), textOf(parsed, 'detail') ?? null)
      }
      return parsed as T
    } catch (error) {
      throw error instanceof Problem ? error : new Problem('unreachable', 0)
    } finally {
      clearTimeout(timer)
    }
  }
  const transfer = async (path: string, file?: Blob): Promise<Response> => {
    const giveUp = AbortSignal.timeout(FILE_TIMEOUT_MS)
    const headers: Record<string, string> = { 'Yunfa-Door': door }
    const how = file ? { method: 'POST', body: file } : {}
    const asked = fetch(path, { ...how, headers, credentials: 'same-origin', signal: giveUp })
    const response = await asked.catch(() => {
      throw new Problem('unreachable', 0)
    })
    if (!response.ok) {
      const code = textOf(parse(await response.text()), 'code') ?? `http-${response.status}`
      throw new Problem(code, response.status, retryAfter(response))
    }
    return response
  }
  const post = <T>(path: string, body?: unknown): Promise<T> => call('POST', path, body)
  return {
    get: path => call('GET', path),
    post,
    table: post,
    file: async path => (await transfer(path)).blob(),
    attach: async (path, file) => void (await transfer(path, file)),
  }
}

/** The code of anything that was thrown. */
export function problemCode(error: unknown): string {
  return error instanceof Problem ? error.code : 'internal'
}

/** `Retry-After` in seconds; our server never says a date (RFC 9110 section 10.2.3). */
function retryAfter(response: Response): number | null {
  const said = response.headers.get('retry-after')
  return said !== null && /^\d{1,6}$/.test(said) ? Number(said) : null
}

function parse(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function textOf(body: unknown, key: 'code' | 'detail'): string | undefined {
  if (typeof body !== 'object' || body === null || !(key in body)) return undefined
  const text = (body as Record<string, unknown>)[key]
  return typeof text === 'string' ? text : undefined
}
