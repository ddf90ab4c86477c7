// The line and the call of one page, tied together: what both the citizen's page and the lawyer's desk do the same way.
import { computed, ref, shallowRef } from 'vue'
import type { Api } from './api'
import { Call, type OtherStreams } from './call'
import { captureScreen } from './devices'
import type { LineStatus, Refusal } from './line'
import type { DeviceState, ServerMessage } from './protocol'
import type { Quality } from './quality'
import { onReturn } from './returning'
import { openSocket } from './socket'
import type { TransportStatus } from './transport'
import { useDevices } from './useDevices'

/** A line that is away for less than this is not worth a word. */
const SAY_BROKEN_AFTER_MS = 1_500

export interface LinkEvents {
  onMessage(message: ServerMessage): void
  /** The line is down until somebody asks for it again; nothing of a call is left here. */
  onRefused(reason: Refusal): void
}

/** Opens the link of a page; one per page. */
export function useLink(api: Api, events: LinkEvents) {
  const status = ref<LineStatus>({ name: 'closed' })
  const broken = ref(false)
  const crowded = ref(false)
  const draining = ref(false)
  const transport = ref<TransportStatus>('none')
  const microphone = ref<DeviceState>('ABSENT')
  const camera = ref<DeviceState>('ABSENT')
  /** Our own screen. */
  const sharing = ref<DeviceState>('ABSENT')
  const remote = shallowRef<MediaStream | null>(null)
  const screen = shallowRef<MediaStream | null>(null)
  /** Third parties, and for one of them the lawyer. */
  const others = shallowRef<OtherStreams>(new Map())
  /** The other's camera sends what this browser cannot show. */
  const unseen = ref(false)
  const quality = ref<Quality | null>(null)
  let wasOpen = false
  let brokenTimer: ReturnType<typeof setTimeout> | undefined
  let saidDevices = ''

  const call = new Call({
    onOffer: async (attempt, offer) => (await socket.say({ type: 'joinMedia', attempt, offer })) === null,
    onDevices: (mic, cam, shared) => {
      microphone.value = mic
      camera.value = cam
      sharing.value = shared
      sayDevices()
    },
    onStatus: next => {
      transport.value = next
    },
    onRemote: (stream, shared, undecodable, beside) => {
      remote.value = stream
      others.value = beside
      screen.value = shared
      unseen.value = undecodable
    },
    onQuality: next => {
      quality.value = next
    },
  })
  const devices = useDevices(call)
  onReturn(() => call.look())

  const socket = openSocket(api, {
    onStatus: next => {
      status.value = next
      clearTimeout(brokenTimer)
      broken.value = false
      // Whoever only waits for the crowd ahead has a network, and is not told otherwise.
      crowded.value = next.name === 'connecting' && next.crowded
      if (next.name === 'open') {
        wasOpen = true
        sayDevices()
      }
      if (next.name === 'connecting' && wasOpen && !next.crowded) {
        brokenTimer = setTimeout(() => {
          broken.value = true
        }, SAY_BROKEN_AFTER_MS)
      }
      if (next.name === 'refused') {
        wasOpen = false
        release()
        events.onRefused(next.reason)
      }
    },
    onMessage: message => {
      switch (message.type) {
        case 'welcome':
          draining.value = false
          // A fresh stream knows neither our devices nor our transport.
          saidDevices = ''
          call.greeted()
          break
        case 'mediaAnswer':
          call.answer(message.attempt, message.answer)
          break
        case 'slots':
          call.setSlots(message.slots)
          break
        case 'mediaLost':
          call.lost()
          break
        case 'draining':
          draining.value = true
      }
      events.onMessage(message)
    },
  })

  function sayDevices(): void {
    const said = `${microphone.value}/${camera.value}/${sharing.value}`
    if (said === saidDevices || status.value.name !== 'open') return
    saidDevices = said
    const [mic, cam, shared] = [microphone.value, camera.value, sharing.value]
    void socket.say({ type: 'setDevices', microphone: mic, camera: cam, screen: shared })
  }

  /** Says them to a consultation that has just been asked for. */
  function repeatDevices(): void {
    saidDevices = ''
    sayDevices()
  }

  /** Shares the screen, or stops that; the browser's own "stop sharing" is heard too. */
  async function share(isWanted: () => boolean): Promise<void> {
    if (sharing.value === 'ON') return call.share(null)
    const track = await captureScreen()
    if (!track) return
    if (!isWanted()) return track.stop()
    track.addEventListener('ended', () => call.share(null))
    call.share(track)
  }

  /** Lets go of everything that belongs to a call; the line stays. */
  function release(): void {
    call.leave()
    devices.release()
    microphone.value = 'ABSENT'
    camera.value = 'ABSENT'
    sharing.value = 'ABSENT'
    saidDevices = ''
  }

  return {
    socket,
    call,
    status,
    lineOpen: computed(() => status.value.name === 'open' || !(broken.value || crowded.value)),
    /** Another page of this person took over. */
    elsewhere: computed(() => status.value.name === 'refused' && status.value.reason === 'elsewhere'),
    broken,
    crowded,
    draining,
    transport,
    interrupted: computed(() => transport.value === 'interrupted'),
    microphone,
    camera,
    remote,
    screen,
    others,
    sharing,
    share,
    unseen,
    captured: devices.captured,
    self: devices.self,
    trouble: devices.trouble,
    regaining: devices.regaining,
    quality,
    takeDevices: devices.take,
    regain: devices.regain,
    drop: devices.drop,
    repeatDevices,
    release,
  }
}
