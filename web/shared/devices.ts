// Microphone and camera: asking for them, and saying in one word why one is missing.
import type { DeviceState } from './protocol'

/** Why a device does not send. `insecure`: browsers give no devices to a page on plain HTTP. */
export type Missing = 'refused' | 'absent' | 'busy' | 'insecure'

/** What a page sends from. */
export type Device = 'microphone' | 'camera'

export interface Captured {
  microphone: MediaStreamTrack | null
  camera: MediaStreamTrack | null
  microphoneMissing: Missing | null
  cameraMissing: Missing | null
}

const AUDIO: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true }
/** VGA at 25 frames: what EN 301 549 6.5.2–6.5.3 asks for, and what a village uplink carries. */
const VIDEO: MediaTrackConstraints = {
  width: { ideal: 640 },
  height: { ideal: 480 },
  frameRate: { ideal: 25 },
  facingMode: 'user',
}

/** Asks for the microphone, and the camera where wanted. Never throws; what is missing carries its reason. */
export async function capture(withCamera: boolean): Promise<Captured> {
  if (!navigator.mediaDevices?.getUserMedia) return without('insecure', withCamera)
  if (withCamera) {
    try {
      return have(await navigator.mediaDevices.getUserMedia({ audio: AUDIO, video: VIDEO }), null)
    } catch (error) {
      // One request for both fails as a whole: ask for the voice alone, it is what matters.
      return captureVoice(reasonOf(error))
    }
  }
  return captureVoice(null)
}

async function captureVoice(cameraMissing: Missing | null): Promise<Captured> {
  try {
    return have(await navigator.mediaDevices.getUserMedia({ audio: AUDIO, video: false }), cameraMissing)
  } catch (error) {
    return without(reasonOf(error), cameraMissing !== null)
  }
}

/** A device that is just going away may be given once more and end before anybody can listen. */
const TRIES = 3

/** Asks for one device; answers with its track or with why there is none. */
export async function captureOne(device: Device): Promise<MediaStreamTrack | Missing> {
  if (!navigator.mediaDevices?.getUserMedia) return 'insecure'
  const wanted = device === 'camera' ? { video: VIDEO } : { audio: AUDIO }
  try {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const [track] = (await navigator.mediaDevices.getUserMedia(wanted)).getTracks()
      if (track?.readyState === 'live') return track
    }
    return 'absent'
  } catch (error) {
    return reasonOf(error)
  }
}

/** Whether this page can share a screen: no phone can and no in-app browser, and on a small one there is nothing to share. */
export const CAN_SHARE =
  typeof navigator !== 'undefined' &&
  typeof navigator.mediaDevices?.getDisplayMedia === 'function' &&
  window.matchMedia('(min-width: 48rem)').matches

/** Asks which screen or window to share; none when the user thinks better of it. */
export async function captureScreen(): Promise<MediaStreamTrack | null> {
  try {
    const shared = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 8 } }, audio: false })
    const track = shared.getVideoTracks()[0] ?? null
    // Letters before motion.
    if (track) track.contentHint = 'detail'
    return track
  } catch {
    return null
  }
}

/** What the server is told about a track of ours. */
export function deviceState(track: MediaStreamTrack | null, on: boolean): DeviceState {
  if (!track || track.readyState === 'ended') return 'ABSENT'
  return on ? 'ON' : 'OFF'
}

function have(stream: MediaStream, cameraMissing: Missing | null): Captured {
  return {
    microphone: stream.getAudioTracks()[0] ?? null,
    camera: stream.getVideoTracks()[0] ?? null,
    microphoneMissing: null,
    cameraMissing,
  }
}

function without(reason: Missing, camera: boolean): Captured {
  return { microphone: null, camera: null, microphoneMissing: reason, cameraMissing: camera ? reason : null }
}

function reasonOf(error: unknown): Missing {
  const name = error instanceof DOMException ? error.name : ''
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'refused'
  return name === 'NotReadableError' || name === 'AbortError' ? 'busy' : 'absent'
}
