// A server that says what a test wants it to say: for the look of every state, not for behaviour of the real one.

/** A short county for the area list. */
export const DIRECTORY = {
  practiceAreas: [],
  consentVersion: '2026-11',
  bureau: { name: '沂南县司法局' },
  areas: [
    { code: '371321000000', parent: null, level: 'county', name: '沂南县' },
    { code: '371321101000', parent: '371321000000', level: 'town', name: '青驼镇' },
    { code: '371321101201', parent: '371321101000', level: 'village', name: '河西村' },
    { code: '371321101202', parent: '371321101000', level: 'village', name: '东官庄村' },
  ],
}

const WELCOME = {
  type: 'welcome',
  version: 1,
  role: 'CITIZEN',
  name: '群众4821',
  resumeToken: 'r',
  resumeSeconds: 60,
  presence: null,
  consultation: null,
  session: null,
  offers: [],
  outcomeDue: null,
}

/** Puts a scripted server before a page. `api` maps `METHOD /path` to a body, or to `[status, body]`. */
export async function script(page, { api = {}, welcome = {} } = {}) {
  const answers = {
    'GET /api/directory': DIRECTORY,
    'POST /api/citizen/guest': [201, { citizen: 'c', alias: '群众' }],
    'POST /api/ws-ticket': { ticket: 't', expiresAt: 0 },
    ...api,
  }
  await page.route('**/api/**', async route => {
    const url = new URL(route.request().url())
    const answer = answers[`${route.request().method()} ${url.pathname}`] ?? [401, { code: 'unauthenticated' }]
    const [status, body] = Array.isArray(answer) ? answer : [200, answer]
    await route.fulfill({ status, contentType: 'application/json', body: JSON.stringify(body) ?? '' })
  })
  const said = []
  const listeners = new Map()
  let seq = 0
  let socket
  let silent = false
  let greeting = { ...WELCOME, ...welcome }
  /** What a page that resumes is told: that its stream goes on, or this code. */
  let refusal = null
  const say = message => socket.send(JSON.stringify({ seq: (seq += 1), ...message }))
  await page.routeWebSocket('**/ws', opened => {
    if (silent) return void opened.close()
    socket = opened
    opened.onMessage(text => {
      const frame = JSON.parse(String(text))
      said.push(frame)
      listeners.get(frame.type)?.(frame)
      if (frame.type === 'ping') return opened.send(JSON.stringify({ seq: 0, type: 'pong' }))
      if (frame.type === 'hello') say({ ...greeting, now: Date.now() })
      if (frame.type === 'resume') {
        if (refusal) return void opened.send(JSON.stringify({ seq: 0, type: 'error', replyTo: frame.id, message: '', retryAfter: null, ...refusal }))
        opened.send(JSON.stringify({ seq, type: 'resumed', epoch: frame.epoch }))
      }
      say({ type: 'done', replyTo: frame.id })
    })
  })
  return {
    said,
    say,
    /** Does something each time the page says this. */
    on: (type, listener) => listeners.set(type, listener),
    /** The network is away. */
    cut: () => {
      silent = true
      socket.close()
    },
    /** It is back, and the browser says so. Whoever resumes is refused so, where it is said; whoever says hello is welcomed with this from now on. */
    back: async ({ refused = null, welcome: next = {} } = {}) => {
      silent = false
      refusal = refused
      greeting = { ...greeting, ...next }
      await page.evaluate(() => void dispatchEvent(new Event('online')))
    },
    /** Ends the socket; the page opens another one. */
    drop: () => socket.close(),
    /** Changes what a request is answered. */
    answer: (request, body) => {
      answers[request] = body
    },
    /** The newest frame of a type, once there are so many of them. */
    heard: async (type, times = 1) => {
      for (let tries = 0; tries < 100; tries += 1) {
        const found = said.filter(frame => frame.type === type)
        if (found.length >= times) return found.at(-1)
        await page.waitForTimeout(50)
      }
      throw new Error(`the page never said ${type}`)
    },
  }
}

/** A session as both sides see it. */
export function session({ you = 'leg-citizen', channel = 'video', state = 'ACTIVE', consultation = 'c', otherState = 'CONNECTED', otherMicrophone = 'ON', otherCamera = 'ON', ...more } = {}) {
  const ours = { state: 'CONNECTED', microphone: 'ON', camera: 'ON' }
  const other = { state: otherState, microphone: otherMicrophone, camera: otherCamera }
  const leg = (id, role, name) => ({ leg: id, role, part: null, name, ...(id === you ? ours : other) })
  return {
    type: 'session',
    id: 's',
    consultation,
    callBack: false,
    state,
    channel,
    practiceArea: 'LABOUR',
    locality: '青驼镇河西村',
    you,
    legs: [leg('leg-citizen', 'CITIZEN', '群众4821'), leg('leg-lawyer', 'LAWYER', '王建国')],
    activeSince: Date.now() - 83_000,
    seatUntil: null,
    proposal: null, invitation: null, chatLines: 0,
    ...more,
  }
}

export function chat(number, from, text) {
  return { type: 'chat', session: 's', message: `m${number}`, number, from, text, at: Date.now() - 60_000 }
}

/** One line of a session list. */
export function row(index, more = {}) {
  const startedAt = Date.now() - index * 5_400_000
  return {
    session: `session-${index}`,
    consultation: `consultation-${index}`,
    state: 'SEALED',
    channel: ['video', 'voice', 'text'][index % 3],
    practiceArea: ['LABOUR', 'FAMILY', 'DEBT'][index % 3],
    area: '371321101201',
    areaName: '河西村',
    lawyer: { id: 'l', name: '王建国' },
    createdAt: startedAt - 9_000,
    startedAt,
    endedAt: startedAt + 300_000,
    endReason: 'CITIZEN_HUNG_UP',
    twoWayS: 100 + index * 83,
    outcome: 'ADVICE_GIVEN',
    record: RECORD.recordId,
    ...more,
  }
}

const AT = Date.UTC(2026, 10, 21, 2, 30)

function leg(role, more) {
  return {
    legId: `leg-${role}`,
    role,
    deviceClass: 'MOBILE',
    joinedAt: AT + 4_000,
    connectedAt: AT + 8_000,
    transportUpAt: AT + 1_200,
    firstRtpAt: AT + 9_000,
    lastRtpAt: AT + 190_000,
    leftAt: AT + 191_000,
    leaveReason: 'LEFT',
    transport: { protocol: 'udp', family: 'ipv4' },
    transports: 1,
    audioAliveS: 181,
    videoAliveS: 179,
    talkS: 84,
    talkTurns: 22,
    packetsIn: 31_204,
    bytesIn: 21_345_678,
    packetsOut: 30_870,
    bytesOut: 20_987_654,
    lossPermille: 4,
    jitterMsP50: 4,
    jitterMsP95: 12,
    rttMsP50: 38,
    rttMsP95: 80,
    silences: 2,
    ...more,
  }
}

export const RECORD = {
  recordId: '019375a0-1111-7222-8333-444455556666',
  consultationId: '019375a0-2222-7222-8333-444455556666',
  sessionId: '019375a0-3333-7222-8333-444455556666',
  followUpNo: 0,
  citizenRef: 'a41f09c2b7d35e80',
  identityMode: 'REFUSED',
  consentVersion: '2026-11',
  lawyerId: '019375a0-4444-7222-8333-444455556666',
  providerType: 'LAWYER',
  firmId: null,
  pool: 'LOCAL',
  publicOffice: false,
  licenceNo: '13713202010123456',
  area: '371321101201',
  entrySource: 'qr-hexi',
  practiceArea: 'LABOUR',
  channel: 'video',
  channelUsed: 'video',
  outcome: 'ADVICE_GIVEN',
  legalAidPrompted: true,
  createdAt: AT,
  firstOfferAt: AT + 900,
  offersSent: 4,
  declines: 1,
  acceptedAt: AT + 8_000,
  ringLatencyMs: 7_100,
  waitMs: 8_000,
  serviceStart: AT + 9_000,
  serviceEnd: AT + 190_000,
  wallS: 181,
  endedAt: AT + 191_000,
  endReason: 'CITIZEN_HUNG_UP',
  twoWayS: 176,
  twoWayAudioS: 176,
  twoWayVideoS: 174,
  longestSilenceS: 6,
  silentS: 14,
  bothTalkMinS: 61,
  citizenMessages: 3,
  lawyerMessages: 2,
  firstAnswerLatencyS: 21,
  legs: [leg('CITIZEN'), leg('LAWYER', { deviceClass: 'DESKTOP', rttMsP50: 2, rttMsP95: 4 })],
  interruptions: [{ legId: 'leg-CITIZEN', role: 'CITIZEN', from: AT + 90_000, to: AT + 95_000 }],
  interruptionCount: 1,
  offHours: false,
  holiday: false,
  localDate: '2026-11-21',
  payable: true,
  closedBy: 'OWNER',
  precisionS: 0,
  sealedAt: AT + 240_000,
  lawyerName: '王建国',
  rating: { stars: 5, ratedAt: AT + 200_000 },
  seal: { hash: 'c0ffee11c9f8d2a7e6b1c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3', leaf: '5f2b0f0c9f8d2a7e6b1c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a', seq: 42 },
}
