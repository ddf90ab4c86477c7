// The WebRTC client: one connection, one offer, receive slots that are mapped by message.

import { CAN_SHARE, type Captured, type Device, deviceState } from './devices'
import type { DeviceState, LegView, SlotView } from './protocol'
import { judge, type Quality, type Reading, read } from './quality'
import { Transport, type TransportInput, type TransportStatus } from './transport'

/** Receive slots of a page: three voices, three cameras, one screen. */
const AUDIO_SLOTS = 3
const VIDEO_SLOTS = 3
const SCREEN_SLOTS = 1
/** Text stays sharp at a few frames a second; more would take what the voice needs. */
const SCREEN_BITS = 1_200_000
const QUALITY_EVERY_MS = 2_000

/** Whoever is there besides the other side, by leg. */
export type OtherStreams = ReadonlyMap<string, MediaStream>

export interface CallEvents {
  /** Says `joinMedia`; answers whether the server took the offer. */
  onOffer(attempt: number, offer: string): Promise<boolean>
  onDevices(microphone: DeviceState, camera: DeviceState, screen: DeviceState): void
  onStatus(status: TransportStatus): void
  /** What is to be heard and seen now; `unseen`: the other's camera sends what this browser cannot decode. */
  onRemote(stream: MediaStream | null, screen: MediaStream | null, unseen: boolean, others: OtherStreams): void
  onQuality(quality: Quality | null): void
}

export class Call {
  private readonly transport: Transport
  private pc: RTCPeerConnection | null = null
  private attempt = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private sampler: ReturnType<typeof setInterval> | undefined
  private lastReading: Reading | null = null
  private captured: Captured = { microphone: null, camera: null, microphoneMissing: null, cameraMissing: null }
  private shared: MediaStreamTrack | null = null
  private slots: readonly SlotView[] = []
  private legs: readonly LegView[] = []
  private main: string | null = null
  private wantVideo = false
  private microphoneOn = true
  private cameraOn = true
  private standby = false
  private shownTracks = ''

  constructor(
    private readonly events: CallEvents,
    nextAttempt: () => number = storedAttempt,
  ) {
    this.transport = new Transport(nextAttempt)
  }

  /** Takes over what was captured; the tracks go into the running connection without any renegotiation. */
  use(captured: Captured): void {
    this.release()
    this.captured = captured
    this.microphoneOn = true
    this.cameraOn = true
    this.gateTracks()
    this.attachTracks()
    this.sayDevices()
  }

  /** A device went away or came back; muted stays muted. */
  replace(device: Device, track: MediaStreamTrack | null): void {
    this.captured[device]?.stop()
    this.captured = { ...this.captured, [device]: track }
    this.gateTracks()
    this.attachTracks()
    this.sayDevices()
  }

  /** Shares this screen, or none any more. */
  share(screen: MediaStreamTrack | null): void {
    this.shared?.stop()
    this.shared = screen
    this.attachTracks()
    this.sayDevices()
  }

  /** On standby the transport stays warm, but only silence and black leave this machine. */
  setStandby(standby: boolean): void {
    this.standby = standby
    this.gateTracks()
  }

  /** Sets up the transport; does nothing when there is one. */
  join(): void {
    this.feed({ kind: 'join' })
  }

  /** Takes the transport down and lets go of the devices. */
  leave(): void {
    this.feed({ kind: 'leave' })
    this.release()
    this.setSlots([])
  }

  answer(attempt: number, answer: string): void {
    this.feed({ kind: 'answer', attempt, answer })
  }

  /** The server says that the transport is gone: a new offer, the seat is kept. */
  lost(): void {
    this.feed({ kind: 'lost' })
  }

  /** The server greets this page as a new one. */
  greeted(): void {
    this.feed({ kind: 'greeted' })
  }

  /** Somebody looks at the page again: what happened to the connection meanwhile may not have been told. */
  look(): void {
    if (this.pc) this.feed({ kind: 'ice', attempt: this.attempt, state: this.pc.iceConnectionState })
  }

  setSlots(slots: readonly SlotView[]): void {
    this.slots = slots
    this.showRemote()
  }

  /** Who is there, whose picture is the large one, and whether pictures are wanted at all. */
  setLegs(legs: readonly LegView[], main: string | null, wantVideo: boolean): void {
    this.legs = legs
    this.main = main
    this.wantVideo = wantVideo
    this.showRemote()
  }

  setMicrophone(on: boolean): void {
    this.microphoneOn = on
    this.gateTracks()
    this.sayDevices()
  }

  setCamera(on: boolean): void {
    this.cameraOn = on
    this.gateTracks()
    this.sayDevices()
  }

  private sayDevices(): void {
    const { microphone, camera } = this.captured
    const screen = deviceState(this.shared, true)
    this.events.onDevices(deviceState(microphone, this.microphoneOn), deviceState(camera, this.cameraOn), screen)
  }

  private gateTracks(): void {
    // Muted is `enabled = false`: RTP goes on with silence or black, seconds count, nothing is renegotiated.
    if (this.captured.microphone) this.captured.microphone.enabled = this.microphoneOn && !this.standby
    if (this.captured.camera) this.captured.camera.enabled = this.cameraOn && !this.standby
  }

  private feed(input: TransportInput): void {
    this.transport.handle(input, performance.now())
    for (let output = this.transport.poll(); output; output = this.transport.poll()) {
      switch (output.kind) {
        case 'offer':
          void this.makeOffer(output.attempt)
          break
        case 'apply':
          void this.applyAnswer(output.attempt, output.answer)
          break
        case 'drop':
          this.drop()
          break
        case 'status':
          this.events.onStatus(output.status)
      }
    }
    clearTimeout(this.timer)
    const due = this.transport.deadline()
    if (due !== null) {
      this.timer = setTimeout(() => this.feed({ kind: 'timeout' }), Math.max(0, due - performance.now()) + 1)
    }
  }

  private async makeOffer(attempt: number): Promise<void> {
    const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require' })
    this.pc = pc
    this.attempt = attempt
    // The order of the media sections is part of the protocol: microphone, camera, own screen, voices, cameras, screen.
    pc.addTransceiver('audio', { direction: 'sendonly' })
    pc.addTransceiver('video', { direction: 'sendonly' })
    if (CAN_SHARE) pc.addTransceiver('video', { direction: 'sendonly', sendEncodings: [{ maxBitrate: SCREEN_BITS }] })
    for (let slot = 0; slot < AUDIO_SLOTS; slot += 1) pc.addTransceiver('audio', { direction: 'recvonly' })
    for (let slot = 0; slot < VIDEO_SLOTS + SCREEN_SLOTS; slot += 1)
      pc.addTransceiver('video', { direction: 'recvonly' })
    preferCodecs(pc)
    this.attachTracks()
    pc.oniceconnectionstatechange = () => {
      if (this.pc === pc) this.feed({ kind: 'ice', attempt, state: pc.iceConnectionState })
    }
    try {
      await pc.setLocalDescription(await pc.createOffer())
      // The server is ICE-lite with public addresses: it needs none of our candidates.
      const taken = await this.events.onOffer(attempt, pc.localDescription?.sdp ?? '')
      if (!taken && this.pc === pc) this.feed({ kind: 'refused', attempt })
    } catch {
      if (this.pc === pc) this.feed({ kind: 'refused', attempt })
    }
  }

  private async applyAnswer(attempt: number, answer: string): Promise<void> {
    const pc = this.pc
    if (pc?.signalingState !== 'have-local-offer') return
    try {
      await pc.setRemoteDescription({ type: 'answer', sdp: answer })
      if (this.pc !== pc) return
      this.startSampling(pc)
      this.showRemote()
    } catch {
      if (this.pc === pc) this.feed({ kind: 'refused', attempt })
    }
  }

  private attachTracks(): void {
    const [microphone, camera, screen] = this.pc?.getTransceivers() ?? []
    void microphone?.sender.replaceTrack(this.captured.microphone)
    void camera?.sender.replaceTrack(this.captured.camera)
    if (CAN_SHARE) void screen?.sender.replaceTrack(this.shared)
  }

  private drop(): void {
    clearInterval(this.sampler)
    this.lastReading = null
    const pc = this.pc
    this.pc = null
    this.slots = []
    if (pc) {
      pc.oniceconnectionstatechange = null
      pc.close()
    }
    this.showRemote()
    this.events.onQuality(null)
  }

  private release(): void {
    this.captured.microphone?.stop()
    this.captured.camera?.stop()
    this.shared?.stop()
    this.shared = null
    this.captured = { microphone: null, camera: null, microphoneMissing: null, cameraMissing: null }
  }

  private showRemote(): void {
    const tracks: MediaStreamTrack[] = []
    const others = new Map<string, MediaStreamTrack[]>()
    let screen: MediaStreamTrack | null = null
    for (const slot of this.slots) {
      const track = this.trackOf(slot.mid)
      if (!track) continue
      if (slot.kind === 'SCREEN') screen = this.shares(slot.leg) ? track : screen
      // A picture that never comes would hold back the sound in some browsers.
      else if (slot.kind !== 'AUDIO' && !this.isSeen(slot)) continue
      else if (this.main === null || slot.leg === this.main) tracks.push(track)
      else others.set(slot.leg, [...(others.get(slot.leg) ?? []), track])
    }
    const unseen = this.isUndecodable()
    const ids = (some: readonly (MediaStreamTrack | null)[]) => some.map(track => track?.id ?? '-').join()
    const beside = [...others].map(([leg, theirs]) => leg + ids(theirs)).join()
    const shown = ids([...tracks, screen]) + unseen + beside
    if (shown === this.shownTracks) return
    this.shownTracks = shown
    const stream = tracks.length > 0 ? new MediaStream(tracks) : null
    const streams = new Map([...others].map(([leg, theirs]) => [leg, new MediaStream(theirs)]))
    this.events.onRemote(stream, screen ? new MediaStream([screen]) : null, unseen, streams)
  }

  /** Whoever is heard and has the camera on takes a picture's slot too, unless this browser lacks the codec. */
  private isUndecodable(): boolean {
    const has = (kind: SlotView['kind'], leg: string) => this.slots.some(slot => slot.kind === kind && slot.leg === leg)
    const isSending = ({ leg, camera }: LegView) => camera === 'ON' && has('AUDIO', leg) && !has('VIDEO', leg)
    return this.wantVideo && this.legs.some(isSending)
  }

  private shares(leg: string): boolean {
    return this.legs.find(one => one.leg === leg)?.screen === 'ON'
  }

  private isSeen(slot: SlotView): boolean {
    const camera = this.legs.find(leg => leg.leg === slot.leg)?.camera
    return this.wantVideo && camera !== 'ABSENT'
  }

  private trackOf(mid: string): MediaStreamTrack | null {
    return this.pc?.getTransceivers().find(transceiver => transceiver.mid === mid)?.receiver.track ?? null
  }

  private startSampling(pc: RTCPeerConnection): void {
    clearInterval(this.sampler)
    this.sampler = setInterval(async () => {
      const reading = read(await pc.getStats())
      if (this.pc !== pc) return
      this.events.onQuality(this.slots.length > 0 ? judge(this.lastReading, reading) : null)
      this.lastReading = reading
    }, QUALITY_EVERY_MS)
  }
}

/** What the server forwards, the preferred first; leaving the rest out also keeps the offer a fifth of its length. */
function preferCodecs(pc: RTCPeerConnection): void {
  const known = typeof RTCRtpReceiver.getCapabilities === 'function' ? RTCRtpReceiver.getCapabilities('video') : null
  const ranked = (known?.codecs ?? [])
    .map(codec => ({ codec, rank: codecRank(codec) }))
    .filter(({ rank }) => rank < UNUSED)
  const codecs = ranked.sort((a, b) => a.rank - b.rank).map(({ codec }) => codec)
  if (codecs.length === 0) return
  for (const transceiver of pc.getTransceivers()) {
    if (transceiver.receiver.track.kind !== 'video') continue
    try {
      transceiver.setCodecPreferences?.(codecs)
    } catch {
      // An older browser that insists on its own order; the server picks from the longer list.
    }
  }
}

const UNUSED = 3

/** VP8 first, then H.264 baseline in packetization mode 1, then what repairs both. */
function codecRank({ mimeType, sdpFmtpLine = '' }: { mimeType: string; sdpFmtpLine?: string }): number {
  if (/^video\/vp8$/i.test(mimeType)) return 0
  if (/^video\/h264$/i.test(mimeType)) {
    return /packetization-mode=1/.test(sdpFmtpLine) && /profile-level-id=42/i.test(sdpFmtpLine) ? 1 : UNUSED
  }
  return /^video\/rtx$/i.test(mimeType) ? 2 : UNUSED
}

/** Counts attempts over reloads and tabs, so that a later offer is never taken for an earlier one. */
function storedAttempt(): number {
  const key = 'yunfa.attempt'
  try {
    const attempt = (Number(localStorage.getItem(key)) || 0) + 1
    localStorage.setItem(key, String(attempt))
    return attempt
  } catch {
    // Storage is refused in some in-app browsers; seconds rise as well.
    return Math.floor(Date.now() / 1000)
  }
}
