// A sealed service record as `GET /api/records/{id}` gives it.
import type { Channel, DeviceClass, EndReason, LegState, Outcome, Part, PracticeArea, Role } from './protocol'

/** Times are UTC milliseconds, lengths are seconds unless the name says otherwise. */
export interface ServiceRecord {
  recordId: string
  consultationId: string
  sessionId: string
  followUpNo: number
  citizenRef: string
  identityMode: 'GUEST' | 'PHONE' | 'ID_CARD' | 'WECHAT' | 'REFUSED'
  consentVersion: string
  lawyerId: string
  providerType: string
  firmId: string | null
  pool: string
  publicOffice: boolean
  licenceNo: string | null
  area: string
  entrySource: string | null
  practiceArea: PracticeArea
  channel: Channel
  channelUsed: Channel
  outcome: Outcome
  legalAidPrompted: boolean
  createdAt: number
  firstOfferAt: number | null
  offersSent: number
  declines: number
  acceptedAt: number
  ringLatencyMs: number
  waitMs: number
  serviceStart: number
  serviceEnd: number
  wallS: number
  endedAt: number | null
  endReason: EndReason | null
  twoWayS: number
  twoWayAudioS: number
  twoWayVideoS: number
  longestSilenceS: number
  silentS: number
  bothTalkMinS: number
  citizenMessages: number
  lawyerMessages: number
  firstAnswerLatencyS: number | null
  realTimeText: boolean
  legs: RecordLeg[]
  interruptions: { legId: string; role: Role; from: number; to: number | null }[]
  interruptionCount: number
  offHours: boolean
  holiday: boolean
  localDate: string
  payable: boolean
  closedBy: 'OWNER' | 'REAPER'
  precisionS: number
  sealedAt: number
  /** The lawyer's name and the asker's stars today; joined to the record, not part of what is sealed. */
  lawyerName: string | null
  rating: { stars: number; ratedAt: number } | null
  seal: { seq: number; leaf: string; hash: string }
}

/** One side's part. */
export interface RecordLeg {
  legId: string
  role: Role
  /** Of a third party. */
  third?: { lawyerId: string; part: Part; consentedAt: number | null; removedBy: Role | null }
  deviceClass: DeviceClass | null
  joinedAt: number | null
  connectedAt: number | null
  transportUpAt: number | null
  firstRtpAt: number | null
  lastRtpAt: number | null
  leftAt: number | null
  leaveReason: LegState | null
  transport: { protocol: string; family: string } | null
  transports: number
  audioAliveS: number
  videoAliveS: number
  talkS: number
  talkTurns: number
  realTimeChars: number
  packetsIn: number
  bytesIn: number
  packetsOut: number
  bytesOut: number
  lossPermille: number
  jitterMsP50: number | null
  jitterMsP95: number | null
  rttMsP50: number | null
  rttMsP95: number | null
  silences: number
}
