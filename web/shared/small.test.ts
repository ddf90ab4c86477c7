// The small pieces: ids, times, the judgement of a connection, problems.
import { afterEach, expect, test, vi } from 'vitest'
import { openApi, type Problem, problemCode } from './api'
import { clock } from './format'
import { mintId } from './ids'
import { judge, type Reading } from './quality'
import { onReturn } from './returning'

afterEach(() => vi.unstubAllGlobals())

test('an id is a UUID of version 7 that carries its time', () => {
  const id = mintId(0x0192_f3c4_5678)

  expect(id).toMatch(/^0192f3c4-5678-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(mintId()).not.toBe(mintId())
})

test('lengths read as clocks', () => {
  expect([clock(0), clock(65.9), clock(3_725)]).toEqual(['0:00', '1:05', '1:02:05'])
})

test.each([
  [{ received: 500, lost: 0 }, 'good'],
  [{ received: 500, lost: 20 }, 'fair'],
  [{ received: 500, lost: 80 }, 'poor'],
  [{ received: 0, lost: 0 }, 'poor'],
  [{ received: 500, lost: 0, sentLoss: 0.2 }, 'poor'],
  [{ received: 500, lost: 0, roundTrip: 0.5 }, 'fair'],
] as const)('%o is %s', (reading, quality) => {
  const nothing: Reading = { received: 0, lost: 0, roundTrip: null, sentLoss: null }

  expect(judge(nothing, { ...nothing, ...reading })).toBe(quality)
})

test('a problem carries its code, and a dead network has one too', async () => {
  const api = openApi('citizen')
  const asked: RequestInit[] = []
  vi.stubGlobal('fetch', async (_: string, init: RequestInit) => {
    asked.push(init)
    return new Response('{"code":"rate-limited"}', { status: 429, headers: { 'Retry-After': '7' } })
  })
  const refused = await api.post('/api/login', {}).catch((error: Problem) => [error.code, error.retryAfter])
  vi.stubGlobal('fetch', async () => {
    throw new TypeError('network')
  })

  expect(refused).toEqual(['rate-limited', 7])
  expect(asked[0]?.headers).toMatchObject({ 'Yunfa-Door': 'citizen' })
  expect(await api.get('/api/me').catch(problemCode)).toBe('unreachable')
})

test('a page is come back to when somebody looks: shown, thawed, or out of the back-forward cache', () => {
  const back = vi.fn()
  const look = vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden')
  const stop = onReturn(back)

  document.dispatchEvent(new Event('visibilitychange'))
  document.dispatchEvent(new Event('resume'))
  expect(back).not.toHaveBeenCalled()
  look.mockReturnValue('visible')
  for (const sign of ['visibilitychange', 'resume']) document.dispatchEvent(new Event(sign))
  window.dispatchEvent(new Event('pageshow'))
  expect(back).toHaveBeenCalledTimes(3)
  stop()
  document.dispatchEvent(new Event('visibilitychange'))
  expect(back).toHaveBeenCalledTimes(3)
  look.mockRestore()
})
