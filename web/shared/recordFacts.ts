// Turns a record into the lines of its page, in the reader's words.
import { exactTime } from './format'
import type { Translate } from './i18n'
import type { RecordLeg, ServiceRecord } from './record'
import type { CommonKey } from './words/common'
import type { recordWords } from './words/record'

type T = Translate<CommonKey | keyof (typeof recordWords)['zh']>

/** A name and its value. */
export type Fact = [name: string, value: string]

export interface Moment {
  key: string
  at: number
  what: string
  bad: boolean
}

/** What the record says about the matter itself. */
export function factsOf(record: ServiceRecord, t: T): Fact[] {
  const yes = (value: boolean) => (value ? t('record.yes') : t('record.no'))
  const seconds = (value: number) => t('record.s', { n: value })
  const facts: (Fact | null)[] = [
    [t('list.area'), t(`area.${record.practiceArea}`)],
    [t('fact.area'), record.area],
    [t('fact.channel'), t(`channel.${record.channel}`)],
    record.channelUsed === record.channel ? null : [t('fact.channelUsed'), t(`channel.${record.channelUsed}`)],
    record.endReason ? [t('fact.end'), t(`reason.${record.endReason}`)] : null,
    [t('fact.wait'), seconds(Math.round(record.waitMs / 100) / 10)],
    [t('fact.ring'), seconds(Math.round(record.ringLatencyMs / 100) / 10)],
    [t('fact.offers'), String(record.offersSent)],
    [t('fact.declines'), String(record.declines)],
    [t('fact.messages'), `${record.citizenMessages} / ${record.lawyerMessages}`],
    record.realTimeText ? [t('fact.realTimeText'), record.legs.map(leg => leg.realTimeChars).join(' / ')] : null,
    [t('fact.silence'), seconds(record.longestSilenceS)],
    [t('fact.legalAid'), yes(record.legalAidPrompted)],
    [t('fact.identity'), t(`identity.${record.identityMode}`)],
    [t('fact.consent'), record.consentVersion],
    record.entrySource ? [t('fact.entry'), record.entrySource] : null,
    record.lawyerName ? [t('list.lawyer'), record.lawyerName] : null,
    record.licenceNo ? [t('fact.licence'), record.licenceNo] : [t('fact.lawyer'), record.lawyerId],
    [t('fact.publicOffice'), yes(record.publicOffice)],
    [t('fact.offHours'), yes(record.offHours)],
    record.rating ? [t('fact.stars'), `${record.rating.stars} / 5`] : null,
  ]
  return facts.filter(fact => fact !== null)
}

/** Everything with a time, in order. */
export function momentsOf(record: ServiceRecord, t: T): Moment[] {
  const names = [
    'createdAt',
    'firstOfferAt',
    'acceptedAt',
    'serviceStart',
    'serviceEnd',
    'endedAt',
    'sealedAt',
  ] as const
  const moments: Moment[] = []
  for (const name of names) {
    const at = record[name]
    if (at !== null) moments.push({ key: name, at, what: t(`time.${name}`), bad: false })
  }
  for (const { legId, role, from, to } of record.interruptions) {
    const who = t(`role.${role}`)
    moments.push({ key: `${legId}-${from}`, at: from, what: t('time.lost', { role: who }), bad: true })
    if (to !== null) moments.push({ key: `${legId}-${to}`, at: to, what: t('time.back', { role: who }), bad: false })
  }
  return moments.sort((a, b) => a.at - b.at)
}

/** The table of both sides: one row per fact, one value per leg. */
export function legRowsOf(record: ServiceRecord, t: T): { name: string; values: string[] }[] {
  const none = t('list.none')
  const seconds = (value: number) => t('record.s', { n: value })
  const time = (at: number | null) => (at === null ? none : exactTime(at))
  const range = (median: number | null, high: number | null) =>
    median === null ? none : t('record.ms', { n: `${median} / ${high ?? median}` })
  const rows: [string, (leg: RecordLeg) => string][] = [
    [t('leg.device'), leg => (leg.deviceClass ? t(`device.${leg.deviceClass}`) : none)],
    [t('leg.transport'), leg => (leg.transport ? `${leg.transport.protocol} · ${leg.transport.family}` : none)],
    [t('leg.transports'), leg => String(leg.transports)],
    [t('leg.first'), leg => time(leg.firstRtpAt)],
    [t('leg.last'), leg => time(leg.lastRtpAt)],
    [t('leg.audio'), leg => seconds(leg.audioAliveS)],
    [t('leg.video'), leg => seconds(leg.videoAliveS)],
    [t('leg.talk'), leg => seconds(leg.talkS)],
    [t('leg.turns'), leg => String(leg.talkTurns)],
    [t('leg.packets'), leg => `${leg.packetsIn} / ${leg.packetsOut}`],
    [t('leg.bytes'), leg => `${size(leg.bytesIn)} / ${size(leg.bytesOut)}`],
    [t('leg.loss'), leg => `${leg.lossPermille} ‰`],
    [t('leg.jitter'), leg => range(leg.jitterMsP50, leg.jitterMsP95)],
    [t('leg.rtt'), leg => range(leg.rttMsP50, leg.rttMsP95)],
    [t('leg.silences'), leg => String(leg.silences)],
  ]
  return rows.map(([name, read]) => ({ name, values: record.legs.map(read) }))
}

/** Bytes as people read them. */
function size(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}
