// The ring: two soft tones, generated here, repeated until it stops; no sound file.

/** One ring: tone, tone, pause. */
const PERIOD_MS = 2_400
const TONES: readonly [offset: number, hertz: number][] = [
  [0, 784],
  [0.28, 988],
  [0.7, 784],
  [0.98, 988],
]

export class Ring {
  private context: AudioContext | null = null
  private timer: ReturnType<typeof setInterval> | undefined

  /** To be called from a tap (going on duty, asking to be called back): browsers let a page sound only after one. */
  unlock(): void {
    this.context ??= new AudioContext()
    void this.context.resume()
  }

  start(): void {
    if (this.timer !== undefined) return
    this.unlock()
    this.sound()
    this.timer = setInterval(() => this.sound(), PERIOD_MS)
    navigator.vibrate?.([300, 200, 300])
  }

  stop(): void {
    clearInterval(this.timer)
    this.timer = undefined
  }

  private sound(): void {
    const context = this.context
    if (!context) return
    for (const [offset, hertz] of TONES) {
      const at = context.currentTime + offset
      const tone = context.createOscillator()
      const volume = context.createGain()
      tone.type = 'sine'
      tone.frequency.value = hertz
      volume.gain.setValueAtTime(0, at)
      volume.gain.linearRampToValueAtTime(0.22, at + 0.02)
      volume.gain.exponentialRampToValueAtTime(0.001, at + 0.26)
      tone.connect(volume).connect(context.destination)
      tone.start(at)
      tone.stop(at + 0.3)
    }
  }
}
