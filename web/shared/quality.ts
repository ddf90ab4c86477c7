// The connection in one word, from the browser's own statistics.

export type Quality = 'good' | 'fair' | 'poor'

/** Counters of one moment; only differences between two of them mean anything. */
export interface Reading {
  received: number
  lost: number
  /** Latest round trip in seconds, when known. */
  roundTrip: number | null
  /** Latest share of our packets that did not arrive, 0..1, when known. */
  sentLoss: number | null
}

export function read(report: Iterable<[string, unknown]> | RTCStatsReport): Reading {
  const reading: Reading = { received: 0, lost: 0, roundTrip: null, sentLoss: null }
  for (const [, entry] of report as Iterable<[string, Record<string, unknown>]>) {
    if (entry.type === 'inbound-rtp') {
      reading.received += number(entry.packetsReceived) ?? 0
      reading.lost += number(entry.packetsLost) ?? 0
    } else if (entry.type === 'remote-inbound-rtp') {
      reading.roundTrip = highest(reading.roundTrip, number(entry.roundTripTime))
      reading.sentLoss = highest(reading.sentLoss, number(entry.fractionLost))
    }
  }
  return reading
}

/** Judges the time between two readings; nothing arrived at all is `poor`. The thresholds are where speech begins to suffer. */
export function judge(before: Reading | null, now: Reading): Quality | null {
  if (!before) return null
  const received = now.received - before.received
  const lost = Math.max(0, now.lost - before.lost)
  if (received <= 0) return 'poor'
  const loss = Math.max(lost / (received + lost), now.sentLoss ?? 0)
  const roundTrip = now.roundTrip ?? 0
  if (loss > 0.1 || roundTrip > 0.8) return 'poor'
  return loss > 0.03 || roundTrip > 0.4 ? 'fair' : 'good'
}

function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

function highest(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b)
}
