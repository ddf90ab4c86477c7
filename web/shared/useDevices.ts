// Microphone and camera of one page: a device that goes away in the middle is missed in words and brought back.
import { ref, shallowRef } from 'vue'
import type { Call } from './call'
import { type Captured, capture, captureOne, type Device, type Missing } from './devices'
import { onReturn } from './returning'

const DEVICES: readonly Device[] = ['microphone', 'camera']

export interface Trouble {
  why: Missing
  /** The tap on the button did not help either. */
  again: boolean
}

/** A copy that shows the picture also while the original sends black. */
function awakeCopy(track: MediaStreamTrack): MediaStreamTrack {
  const copy = track.clone()
  copy.enabled = true
  return copy
}

/** What the page has of devices; one per page. The call goes on with what is there. */
export function useDevices(call: Call) {
  const captured = shallowRef<Captured | null>(null)
  const self = shallowRef<MediaStream | null>(null)
  const trouble = ref<Record<Device, Trouble | null>>({ microphone: null, camera: null })
  const regaining = ref<Record<Device, boolean>>({ microphone: false, camera: false })
  /** Those that went away while nobody could see the page: browsers give none to a page in the background. */
  const unseen = new Set<Device>()
  /** Those that may be there by now, although they are still being asked for. */
  const changed = new Set<Device>()
  // A closing page loses its devices too, and must not tell anybody with its last breath.
  let leaving = false

  window.addEventListener('pagehide', () => {
    leaving = true
  })
  onReturn(() => {
    leaving = false
    lookAgain()
  })
  // Something was plugged in, or allowed: what is missing is asked for at once. A refusal is not asked against.
  navigator.mediaDevices?.addEventListener?.('devicechange', () => {
    for (const device of DEVICES) if (trouble.value[device]?.why !== 'refused') void retry(device)
  })
  for (const device of DEVICES) void followPermission(device)

  /** Asks for the devices and shows oneself; `call` sends them as soon as there is a transport. */
  async function take(withCamera: boolean): Promise<Captured> {
    const got = await capture(withCamera)
    stopSelf()
    captured.value = got
    call.use(got)
    unseen.clear()
    for (const device of DEVICES) {
      const why = got[`${device}Missing`]
      miss(device, why, false)
      follow(device, got[device])
    }
    show(got.camera)
    return got
  }

  /** A tap on "bring it back". */
  async function regain(device: Device, byHand = true): Promise<void> {
    if (!captured.value || captured.value[device]) return
    // Something changed while it was being asked for: once more.
    if (regaining.value[device]) return void changed.add(device)
    regaining.value[device] = true
    let got: MediaStreamTrack | Missing
    do {
      changed.delete(device)
      got = await captureOne(device)
    } while (typeof got === 'string' && changed.has(device))
    regaining.value[device] = false
    const track = typeof got === 'string' ? null : got
    if (!captured.value || captured.value[device]) return track?.stop()
    put(device, track)
    miss(device, typeof got === 'string' ? got : null, byHand)
  }

  /** Lets go of one device, which nothing needs any more. */
  function drop(device: Device): void {
    put(device, null)
    miss(device, null, false)
  }

  /** Lets go of everything. */
  function release(): void {
    stopSelf()
    captured.value = null
    unseen.clear()
    for (const device of DEVICES) miss(device, null, false)
  }

  function follow(device: Device, track: MediaStreamTrack | null): void {
    track?.addEventListener('ended', () => lose(device, track))
  }

  /** Unplugged, taken by a phone call, or no longer allowed: asked for once more before anything is said. */
  function lose(device: Device, track: MediaStreamTrack): void {
    if (leaving || captured.value?.[device] !== track) return
    if (document.visibilityState === 'hidden') unseen.add(device)
    put(device, null)
    void regain(device, false)
  }

  /** The page is in front again: what was lost meanwhile, and could not be had in the background, is asked for. */
  function lookAgain(): void {
    for (const device of DEVICES) {
      const track = captured.value?.[device]
      if (track?.readyState === 'ended') lose(device, track)
      else if (unseen.delete(device)) void retry(device)
    }
  }

  async function retry(device: Device): Promise<void> {
    if (trouble.value[device] || regaining.value[device]) await regain(device, false)
  }

  async function followPermission(device: Device): Promise<void> {
    try {
      const status = await navigator.permissions.query({ name: device as PermissionName })
      // A device may end before the refusal that ended it is known: then the wrong reason was said.
      status.addEventListener('change', () => {
        if (status.state !== 'prompt') void retry(device)
      })
    } catch {
      // A browser that does not tell: the button asks.
    }
  }

  function put(device: Device, track: MediaStreamTrack | null): void {
    if (!captured.value) return
    captured.value = { ...captured.value, [device]: track }
    call.replace(device, track)
    follow(device, track)
    if (device === 'camera') show(track)
  }

  function miss(device: Device, why: Missing | null, again: boolean): void {
    trouble.value[device] = why && { why, again }
  }

  function show(camera: MediaStreamTrack | null): void {
    stopSelf()
    self.value = camera ? new MediaStream([awakeCopy(camera)]) : null
  }

  function stopSelf(): void {
    for (const track of self.value?.getTracks() ?? []) track.stop()
    self.value = null
  }

  return { captured, self, trouble, regaining, take, regain, drop, release }
}
