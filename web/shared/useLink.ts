// The line and the call of one page, tied together: what both the citizen's page and the lawyer's desk do the same way.
import { computed, ref, shallowRef } from 'vue'
import type { Api } from './api'
import { Call } from './call'
import { type Captured, capture } from './devices'
import type { LineStatus } from './line'
import type { DeviceState, ServerMessage } from './protocol'
import type { Quality } from './quality'
import { openSocket } from './socket'
import type { TransportStatus } from './transport'

/** A line that is away for less than this is not worth a word. */
const SAY_BROKEN_AFTER_MS = 1_500

export interface LinkEvents {
  onMessage(message: ServerMessage): void
  onSignedOut(): void
  onMicrophoneLost(): void
}

/** A copy that shows the picture also while the original sends black. */
function awakeCopy(track: MediaStreamTrack): MediaStreamTrack {
  const copy = track.clone()
  copy.enabled = true
  return copy
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
  const remote = shallowRef<MediaStream | null>(null)
  const screen = shallowRef<MediaStream | null>(null)
  const self = shallowRef<MediaStream | null>(null)
  const captured = shallowRef<Captured | null>(null)
  const quality = ref<Quality | null>(null)
  let wasOpen = false
  let brokenTimer: ReturnType<typeof setTimeout> | undefined
  let saidDevices = ''
  // A closing page loses its microphone too, and must not turn the call into text with its last breath.
  let leaving = false
  window.addEventListener('pagehide', () => {
    leaving = true
  })
  window.addEventListener('pageshow', () => {
    leaving = false
  })

  const call = new Call({
    onOffer: async (attempt, offer) => (await socket.say({ type: 'joinMedia', attempt, offer })) === null,
    onDevices: (mic, cam) => {
      microphone.value = mic
      camera.value = cam
      sayDevices()
    },
    onStatus: next => {
      transport.value = next
    },
    onRemote: (stream, shared) => {
      remote.value = stream
      screen.value = shared
    },
    onQuality: next => {
      quality.value = next
    },
    onMicrophoneLost: () => void regain(),
  })

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
        call.leave()
        if (next.reason === 'signed-out') events.onSignedOut()
      }
    },
    onMessage: message => {
      switch (message.type) {
        case 'welcome':
          draining.value = false
          // A fresh stream does not know of our devices.
          saidDevices = ''
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
    const said = `${microphone.value}/${camera.value}`
    if (said === saidDevices || status.value.name !== 'open') return
    saidDevices = said
    void socket.say({ type: 'setDevices', microphone: microphone.value, camera: camera.value })
  }

  /** A phone call or a pulled plug ended the microphone: it is asked for once more before the voice is given up. */
  async function regain(): Promise<void> {
    if (leaving) return
    const got = await takeDevices(self.value !== null)
    if (!got.microphone) events.onMicrophoneLost()
  }

  /** Asks for the devices and shows oneself; `call` sends them as soon as there is a transport. */
  async function takeDevices(withCamera: boolean): Promise<Captured> {
    const got = await capture(withCamera)
    captured.value = got
    call.use(got)
    stopSelf()
    self.value = got.camera ? new MediaStream([awakeCopy(got.camera)]) : null
    return got
  }

  function stopSelf(): void {
    for (const track of self.value?.getTracks() ?? []) track.stop()
    self.value = null
  }

  /** Lets go of everything that belongs to a call; the line stays. */
  function release(): void {
    call.leave()
    stopSelf()
    captured.value = null
    microphone.value = 'ABSENT'
    camera.value = 'ABSENT'
    saidDevices = ''
  }

  return {
    socket,
    call,
    status,
    lineOpen: computed(() => status.value.name === 'open' || !(broken.value || crowded.value)),
    broken,
    crowded,
    draining,
    transport,
    interrupted: computed(() => transport.value === 'interrupted'),
    microphone,
    camera,
    remote,
    screen,
    self,
    captured,
    quality,
    takeDevices,
    release,
  }
}
