// The lawyer's desk in action: the desk as a value, moved by clicks and by what the server says.
import { computed, ref, shallowRef, watch } from 'vue'
import type { Api } from '#shared/api'
import type { Captured } from '#shared/devices'
import { mintId } from '#shared/ids'
import type { DeclineReason, ErrorCode, Outcome, ReferralType } from '#shared/protocol'
import { useRestraint } from '#shared/reports'
import { Ring } from '#shared/ring'
import { isThird, otherLeg, refuseLine, typeLine } from '#shared/talk'
import { useNow } from '#shared/ticker'
import { useLink } from '#shared/useLink'
import { keepAwake } from '#shared/wake'
import { allowAnnouncements } from './announce'
import { deskState, EMPTY_DESK, finish, hearDesk, isOnDuty } from './flow'
import { type PushState, subscribe } from './push'

/** How long signing out waits for the server to take the desk off duty. */
const GOODBYE_MS = 2_000

export function useDesk(api: Api, onSignedOut: () => void) {
  const desk = shallowRef(EMPTY_DESK)
  const failed = ref<ErrorCode | null>(null)
  const accepting = ref(false)
  const taking = ref(false)
  const push = ref<PushState>('unknown')
  const saving = ref<'idle' | 'saving' | 'failed'>('idle')
  const now = useNow()
  /** Rises when something is new about text questions. */
  const questionNews = ref(0)
  const restraint = useRestraint(api)
  const ring = new Ring()
  const seen = new Set<string>()
  let warming: Promise<Captured> | null = null
  const awake = keepAwake()

  const link = useLink(api, {
    onMessage: message => {
      desk.value = hearDesk(desk.value, message, Date.now())
      restraint.hear(message)
      const session = desk.value.talk.session
      switch (message.type) {
        case 'welcome':
          questionNews.value += 1
          // After a reload, in a call or on duty: the transport again.
          if (session || isOnDuty(desk.value.presence)) void warmUp()
          if (isOnDuty(desk.value.presence)) void bePushed()
          for (const offer of message.offers) void link.socket.say({ type: 'offerDelivered', offer: offer.id })
          break
        case 'offered':
          void link.socket.say({ type: 'offerDelivered', offer: message.id })
          break
        case 'sessionEnded':
          link.call.setSlots([])
          break
        case 'question':
          questionNews.value += 1
          break
      }
      if (session) link.call.setLegs(session.legs, otherLeg(session)?.leg ?? null, session.channel === 'video')
    },
    onRefused: reason => {
      if (reason === 'elsewhere') desk.value = EMPTY_DESK
      if (reason === 'signed-out') onSignedOut()
    },
  })

  const onDuty = computed(() => isOnDuty(desk.value.presence))
  const session = computed(() => desk.value.talk.session)
  const isRung = computed(() => desk.value.offers.length > 0 || desk.value.invited.length > 0)
  const isWanted = computed(() => session.value !== null || isRung.value)

  // Rings while an offer stands; the picture is let out from the first ring on, so that it is there when accepted.
  watch(isWanted, wanted => link.call.setStandby(!wanted), { immediate: true })
  watch(
    () => isRung.value && session.value === null,
    ringing => (ringing ? ring.start() : ring.stop()),
  )
  watch(
    () => session.value?.id,
    async id => {
      awake.hold(id !== undefined)
      const isNew = accepting.value
      accepting.value = false
      if (id === undefined) return
      link.call.setMicrophone(true)
      link.call.setCamera(true)
      // A desk that has no microphone takes the call by text; one that loses it in the middle says so, and may get it back.
      await warming
      // How the two talk is nothing to a third party.
      if (session.value && isThird(session.value)) return
      if (isNew && link.microphone.value === 'ABSENT' && session.value?.channel !== 'text') await fallBack()
    },
  )

  // Also after a reload on duty: whoever may be rung has a warm transport.
  watch(onDuty, on => {
    if (on) void warmUp()
  })

  async function warmUp(): Promise<void> {
    warming ??= link.captured.value ? Promise.resolve(link.captured.value) : link.takeDevices(true)
    await warming
    warming = null
    link.call.join()
  }

  /** Tells the server how to reach this browser while nobody looks at it. */
  async function bePushed(): Promise<void> {
    push.value = await subscribe(api)
  }

  /** Asks for the devices again, for the "check again" button. */
  async function checkAgain(): Promise<void> {
    await link.takeDevices(true)
  }

  /** What the lawyer does on duty. */
  async function setDuty(onDutyNext: boolean, { onBreak = false, onSite = false } = {}): Promise<void> {
    ring.unlock()
    if (onDutyNext) void allowAnnouncements().then(bePushed)
    failed.value = null
    if (onDutyNext) await warmUp()
    failed.value = await link.socket.say({ type: 'setPresence', onDuty: onDutyNext, onBreak, onSite })
    if (!onDutyNext && failed.value === null) link.release()
  }

  /** The lawyer has this offer before the eyes. */
  function see(offer: string): void {
    if (seen.has(offer)) return
    seen.add(offer)
    void link.socket.say({ type: 'offerSeen', offer })
  }

  async function accept(offer: string): Promise<void> {
    if (accepting.value) return
    accepting.value = true
    ring.stop()
    const refused = await link.socket.say({ type: 'acceptOffer', offer })
    if (!refused) return
    accepting.value = false
    const closed = refused === 'taken' ? 'taken' : 'expired'
    desk.value = { ...desk.value, closed, offers: desk.value.offers.filter(other => other.id !== offer) }
  }

  /** Comes into a colleague's session as a third party. */
  async function come(invitation: string): Promise<void> {
    if (accepting.value) return
    accepting.value = true
    ring.stop()
    await warmUp()
    const refused = await link.socket.say({ type: 'answerInvitation', invitation, accept: true })
    if (!refused) return
    accepting.value = false
    desk.value = { ...desk.value, invited: desk.value.invited.filter(other => other.id !== invitation) }
  }

  function stayAway(invitation: string): void {
    void link.socket.say({ type: 'answerInvitation', invitation, accept: false })
  }

  function decline(offer: string, reason: DeclineReason): void {
    void link.socket.say({ type: 'declineOffer', offer, reason })
  }

  /** Brings the call that runs in another window of this lawyer into this one. */
  async function takeOver(): Promise<void> {
    if (taking.value) return
    taking.value = true
    await warmUp()
    await link.socket.say({ type: 'takeOver' })
    taking.value = false
  }

  async function fallBack(): Promise<void> {
    if (session.value) await link.socket.say({ type: 'fallBack', session: session.value.id, channel: 'text' })
  }

  function hangUp(): void {
    if (session.value) void link.socket.say({ type: 'hangUp', session: session.value.id })
  }

  async function sendChat(text: string): Promise<void> {
    if (!session.value) return
    const message = mintId()
    desk.value = { ...desk.value, talk: typeLine(desk.value.talk, message, text, Date.now()) }
    const refused = await link.socket.say({ type: 'sendChat', session: session.value.id, message, text })
    if (refused) desk.value = { ...desk.value, talk: refuseLine(desk.value.talk, message) }
  }

  function readChat(upTo: number): void {
    if (session.value) void link.socket.say({ type: 'readChat', session: session.value.id, upTo })
  }

  async function recordOutcome(
    outcome: Outcome,
    legalAidPrompted: boolean,
    referralType: ReferralType | null,
  ): Promise<void> {
    const due = desk.value.due
    if (!due || saving.value === 'saving') return
    saving.value = 'saving'
    const refused = await link.socket.say({
      type: 'recordOutcome',
      session: due,
      outcome,
      legalAidPrompted,
      referralType,
    })
    saving.value = refused ? 'failed' : 'idle'
    if (!refused) desk.value = finish(desk.value)
  }

  /** Going home: off duty first, so that nobody rings a desk without a lawyer. */
  async function goHome(): Promise<void> {
    if (onDuty.value && link.status.value.name === 'open') {
      const said = link.socket.say({ type: 'setPresence', onDuty: false, onBreak: false, onSite: false })
      await Promise.race([said, new Promise(resolve => setTimeout(resolve, GOODBYE_MS))])
    }
    leave()
  }

  function leave(): void {
    ring.stop()
    link.release()
    link.socket.stop()
    desk.value = EMPTY_DESK
  }

  return {
    link,
    desk,
    onDuty,
    session,
    now,
    questionNews,
    restraint,
    failed,
    accepting,
    taking,
    saving,
    push,
    state: computed(() => deskState(desk.value, link.lineOpen.value, link.interrupted.value)),
    seconds: computed(() => {
      const since = session.value?.activeSince
      return since ? Math.max(0, (now.value + desk.value.clockAhead - since) / 1000) : 0
    }),
    setDuty,
    checkAgain,
    see,
    accept,
    takeOver,
    come,
    stayAway,
    decline,
    hangUp,
    sendChat,
    readChat,
    recordOutcome,
    goHome,
    leave,
  }
}
