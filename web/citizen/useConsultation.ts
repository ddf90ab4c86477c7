// The citizen's page in action: the flow as a value, moved by taps and by what the server says.
import { computed, ref, shallowRef, watch } from 'vue'
import { openApi, Problem, problemCode } from '#shared/api'
import { mintId } from '#shared/ids'
import type { Channel } from '#shared/protocol'
import { useRestraint } from '#shared/reports'
import { Ring } from '#shared/ring'
import { otherLeg, refuseLine, typeLine } from '#shared/talk'
import { useNow } from '#shared/ticker'
import { useLink } from '#shared/useLink'
import { keepAwake } from '#shared/wake'
import type { Directory } from './directory'
import {
  answer,
  entrySourceOf,
  hear,
  type IdentityMode,
  leave,
  prepare,
  refuse,
  request,
  START,
  stateWord,
  type Wish,
} from './flow'
import { usePhone } from './usePhone'

/** What this browser remembers of its guest: enough to know that there is one. */
const GUEST = 'yunfa.guest'

/** Before the tries to say that a call goes on with a text question. */
const LINK_PAUSES_MS = [0, 2_000, 10_000]

export function useConsultation(directory: () => Directory) {
  const api = openApi('citizen')
  const flow = shallowRef(START)
  const rating = ref<'idle' | 'sending' | 'failed'>('idle')
  const now = useNow()
  /** Rises when something is new about text questions. */
  const questionNews = ref(0)
  const awake = keepAwake()
  const phone = usePhone(api)
  const restraint = useRestraint(api)
  const ring = new Ring()
  /** The call was taken, and the browser asks for microphone and camera. */
  const answering = ref(false)
  /** Whether this guest may be asked for a number: not who wished to stay unknown. */
  const isNameless = ref(!readGuest()?.includes('"identityMode":"GUEST"'))

  const link = useLink(api, {
    onMessage: message => {
      const before = flow.value
      flow.value = hear(before, message)
      restraint.hear(message)
      // Who waited waits no longer: microphone and camera go off. A call that runs goes on.
      if (message.type === 'blocked' && message.until !== null && before.stage !== 'talking') link.release()
      const session = flow.value.talk.session
      if (session) link.call.setLegs(session.legs, otherLeg(session)?.leg ?? null, session.channel === 'video')
      if (message.type === 'welcome') void resume(before.stage)
      if (message.type === 'question' || message.type === 'welcome') questionNews.value += 1
    },
    onRefused: reason => {
      // Another page goes on with it; whoever comes back to this one comes as after a reload.
      if (reason === 'elsewhere') flow.value = START
      if (reason !== 'signed-out') return
      forgetGuest()
      phone.forget()
      if (flow.value.stage !== 'choosing') flow.value = refuse(flow.value, 'unauthenticated')
    },
  })

  /** After a reload in the middle: the devices again, and a new offer for the seat that is kept. */
  async function resume(before: string): Promise<void> {
    const channel = flow.value.talk.session?.channel ?? flow.value.consultation?.channel
    const running = flow.value.stage === 'waiting' || flow.value.stage === 'talking'
    if (!running || before !== 'choosing' || !channel || channel === 'text') return
    await link.takeDevices(channel === 'video')
    // Also without a microphone: one hears, types, and may connect one.
    link.call.join()
  }

  /** The tap on "call". Devices first, so that nobody is rung before the citizen can speak. */
  async function call(wish: Wish, identityMode: IdentityMode): Promise<void> {
    flow.value = prepare(flow.value, wish)
    rating.value = 'idle'
    let channel: Channel = wish.channel
    if (channel !== 'text') {
      const got = await link.takeDevices(channel === 'video')
      if (flow.value.stage !== 'preparing') return link.release()
      if (!got.microphone) {
        channel = 'text'
        link.release()
        link.trouble.value.microphone = got.microphoneMissing && { why: got.microphoneMissing, again: false }
      }
    }
    try {
      // Whoever comes back is known already.
      if (!wish.continues) await beGuest(identityMode)
    } catch (error) {
      link.release()
      flow.value = refuse(flow.value, problemCode(error))
      return
    }
    await ask(channel)
  }

  async function ask(channel: Channel): Promise<void> {
    const consultation = mintId()
    flow.value = request(flow.value, consultation, channel)
    const wish = flow.value.wish
    if (!wish) return
    if (wish.continues) {
      try {
        await api.post(`/api/matters/${wish.continues.matter}/reopening`, { consultation })
      } catch (error) {
        link.release()
        flow.value = refuse(flow.value, problemCode(error))
        return
      }
    }
    const isLinked = wish.question ? await belong(wish.question, consultation) : true
    link.socket.start()
    if (channel !== 'text') link.call.join()
    const { practiceArea, area, lawyer } = wish
    const asked = link.socket.say({ type: 'requestConsultation', consultation, practiceArea, area, channel, lawyer })
    link.repeatDevices()
    const refused = await asked
    if (!refused && wish.question && !isLinked) void linkCall(wish.question, consultation)
    if (refused && flow.value.matter === consultation) {
      link.release()
      // Until when was said before, and the start says what one can do.
      flow.value = refused === 'blocked' ? leave(flow.value) : refuse(flow.value, refused)
    }
  }

  /** Says that a call goes on with a text question before it is asked for, so that the two are one matter. */
  async function belong(question: string, call: string): Promise<boolean> {
    try {
      await api.post(`/api/questions/${question}/calls`, { call })
      return true
    } catch {
      return false
    }
  }

  /** The same once the call is there, when the line was bad before. The call does not wait for it. */
  async function linkCall(question: string, call: string): Promise<void> {
    for (const pause of LINK_PAUSES_MS) {
      await new Promise(resolve => setTimeout(resolve, pause))
      // Once more, later; without it the two are separate matters in the books.
      if (await belong(question, call)) return
    }
  }

  /** For a text question: a guest whose page hears of answers. */
  async function begin(identityMode: IdentityMode): Promise<void> {
    await beGuest(identityMode)
    link.socket.start()
  }

  /** Makes this browser a guest, once; again when the choice of anonymity or the consent text changed. */
  async function beGuest(identityMode: IdentityMode): Promise<void> {
    const consentVersion = directory().consentVersion
    const wanted = JSON.stringify({ identityMode, consentVersion })
    if (readGuest() === wanted && (await isKnown())) return
    const entrySource = entrySourceOf(location.search)
    link.socket.stop()
    await api.post('/api/citizen/guest', { consentVersion, identityMode, ...(entrySource ? { entrySource } : {}) })
    phone.forget()
    isNameless.value = identityMode !== 'GUEST'
    try {
      localStorage.setItem(GUEST, wanted)
    } catch {
      // Without storage the next visit is a new guest.
    }
  }

  async function isKnown(): Promise<boolean> {
    if (link.status.value.name === 'open') return true
    try {
      await api.get('/api/me')
      return true
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return false
      throw error
    }
  }

  /** On opening the page: a guest who was in a call comes back into it. */
  function comeBack(): void {
    if (readGuest() !== null) link.socket.start()
  }

  function cancel(): void {
    const matter = flow.value.matter
    const asked = flow.value.stage !== 'preparing'
    link.release()
    flow.value = leave(flow.value)
    if (asked && matter) void link.socket.say({ type: 'cancelConsultation', consultation: matter })
  }

  /** Waits in front of the page, in the old place. */
  async function keepWaiting(): Promise<void> {
    const { matter, consultation } = flow.value
    if (!matter) return
    await haveDevices(consultation?.channel ?? 'text')
    if (flow.value.matter === matter) void link.socket.say({ type: 'keepWaiting', consultation: matter })
  }

  /** Does not wait in front of the page: whoever takes the matter calls back. */
  function callMeBack(): void {
    const matter = flow.value.matter
    // A tap now, so that the page may sound later.
    ring.unlock()
    if (matter) void link.socket.say({ type: 'callMeBack', consultation: matter })
  }

  /** Takes the call: devices first, so that nobody is spoken to who cannot hear. */
  async function answerCall(): Promise<void> {
    const session = flow.value.talk.session
    if (!session || answering.value) return
    answering.value = true
    ring.stop()
    const canSpeak = await haveDevices(session.channel)
    answering.value = false
    if (flow.value.talk.session?.id !== session.id) return
    flow.value = answer(flow.value)
    await link.socket.say({ type: 'answerCall', session: session.id })
    link.repeatDevices()
    if (!canSpeak) void link.socket.say({ type: 'fallBack', session: session.id, channel: 'text' })
  }

  /** Microphone, camera and the transport, as far as the channel wants them; false without a microphone that it does. */
  async function haveDevices(channel: Channel): Promise<boolean> {
    if (channel === 'text') return true
    const microphone = link.captured.value?.microphone ?? (await link.takeDevices(channel === 'video')).microphone
    if (microphone) link.call.join()
    return microphone !== null
  }

  function hangUp(): void {
    const session = flow.value.talk.session
    if (session) void link.socket.say({ type: 'hangUp', session: session.id })
  }

  async function sendChat(text: string): Promise<void> {
    const session = flow.value.talk.session
    if (!session) return
    const message = mintId()
    flow.value = { ...flow.value, talk: typeLine(flow.value.talk, message, text, Date.now()) }
    const refused = await link.socket.say({ type: 'sendChat', session: session.id, message, text })
    if (refused) flow.value = { ...flow.value, talk: refuseLine(flow.value.talk, message) }
  }

  function readChat(upTo: number): void {
    const session = flow.value.talk.session
    if (session) void link.socket.say({ type: 'readChat', session: session.id, upTo })
  }

  async function rate(stars: number): Promise<void> {
    const consultation = flow.value.matter
    if (!consultation || rating.value === 'sending') return
    rating.value = 'sending'
    const refused = await link.socket.say({ type: 'rate', consultation, stars })
    rating.value = refused && refused !== 'already-rated' ? 'failed' : 'idle'
    if (refused === null || refused === 'already-rated') flow.value = { ...flow.value, stars }
  }

  function again(): void {
    link.release()
    flow.value = leave(flow.value)
    rating.value = 'idle'
  }

  const state = computed(() => stateWord(flow.value, link.lineOpen.value, link.interrupted.value))
  const seconds = computed(() => {
    const since = flow.value.talk.session?.activeSince
    return since ? Math.max(0, (now.value - since) / 1000) : 0
  })
  watch(
    () => flow.value.stage,
    stage => {
      awake.hold(stage === 'waiting' || stage === 'called' || stage === 'talking')
      if (stage === 'called') ring.start()
      else ring.stop()
      // Nothing of the call stays on when it is over: the camera light goes out.
      if (stage === 'over' || stage === 'held') link.release()
    },
  )

  return {
    link,
    flow,
    state,
    now,
    seconds,
    rating,
    api,
    phone,
    restraint,
    isNameless,
    questionNews,
    isGuest: () => readGuest() !== null,
    begin,
    call,
    cancel,
    keepWaiting,
    callMeBack,
    answerCall,
    answering,
    hangUp,
    sendChat,
    readChat,
    rate,
    again,
    comeBack,
  }
}

function readGuest(): string | null {
  try {
    return localStorage.getItem(GUEST)
  } catch {
    return null
  }
}

function forgetGuest(): void {
  try {
    localStorage.removeItem(GUEST)
  } catch {
    // There was nothing to forget.
  }
}
