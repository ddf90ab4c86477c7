// Changing how two talk in a running session: up when both want it, down at a tap. Devices are asked for by the tap itself.
import { computed, ref, watch } from 'vue'
import type { Channel, SessionView } from './protocol'
import type { useLink } from './useLink'

const CHANNELS: readonly Channel[] = ['text', 'voice', 'video']

/** `staysWarm`: the transport and the devices outlive the session, as at a desk on duty. */
export function useChannel(link: ReturnType<typeof useLink>, session: () => SessionView, staysWarm: boolean) {
  const busy = ref(false)
  /** Why the last tap came to nothing. */
  const failed = ref<'microphone' | 'refused' | 'lapsed' | null>(null)
  const wish = computed(() => session().proposal)
  const isMine = computed(() => wish.value?.by === session().you)
  const greater = computed(() => CHANNELS.filter(one => rank(one) > rank(session().channel)))
  const lesser = computed(() => CHANNELS.filter(one => rank(one) < rank(session().channel)).reverse())

  /** Says something once; a second tap meanwhile is the same tap. */
  async function once(deed: () => Promise<boolean>): Promise<void> {
    if (busy.value) return
    busy.value = true
    failed.value = null
    if (!(await deed())) failed.value ??= 'refused'
    busy.value = false
  }

  const propose = (channel: Channel) =>
    once(async () => {
      if (!(await takeFor(channel))) return false
      return (await link.socket.say({ type: 'proposeChannel', session: session().id, channel })) === null
    })

  const answer = (accept: boolean) =>
    once(async () => {
      const channel = wish.value?.channel
      if (!channel) return true
      const agrees = accept && (await takeFor(channel))
      const refused = await link.socket.say({ type: 'answerChannel', session: session().id, channel, accept: agrees })
      return agrees === accept && refused === null
    })

  const goDown = (channel: Channel) =>
    once(async () => (await link.socket.say({ type: 'fallBack', session: session().id, channel })) === null)

  /** From text nothing runs yet: without a microphone there is no call to agree to. */
  async function takeFor(channel: Channel): Promise<boolean> {
    if (session().channel !== 'text' || link.microphone.value !== 'ABSENT') return true
    const { microphone } = await link.takeDevices(channel === 'video')
    if (microphone) return true
    if (!staysWarm) link.release()
    failed.value = 'microphone'
    return false
  }

  watch(
    () => [session().channel, wish.value?.agreed ?? false, wish.value !== null] as const,
    ([channel, isComing, isWished], [before, wasComing, wasWished]) => {
      if (isComing && !wasComing) link.call.join()
      if (channel === before && wasComing && !isComing) failed.value = 'lapsed'
      const isOver = channel === 'text' && (before !== 'text' || (wasWished && !isWished))
      if (isOver && !staysWarm) link.release()
      if (channel === 'voice' && before === 'video') link.drop('camera')
      if (channel === 'video' && before === 'voice') void link.regain('camera')
    },
  )

  return { busy, failed, wish, isMine, greater, lesser, propose, answer, goDown }
}

function rank(channel: Channel): number {
  return CHANNELS.indexOf(channel)
}
