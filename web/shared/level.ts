// How loud a microphone or a voice is: for the device check, and to show who speaks.
import { onScopeDispose, ref, watch } from 'vue'

const EVERY_MS = 100

/** 0..1, from a copy of the track, so that a muted call does not look like a broken microphone. */
export function useLevel(track: () => MediaStreamTrack | null) {
  const level = ref(0)
  let stop = () => {}

  watch(
    track,
    microphone => {
      stop()
      level.value = 0
      if (!microphone) return
      const own = microphone.clone()
      own.enabled = true
      const context = new AudioContext()
      const analyser = context.createAnalyser()
      analyser.fftSize = 512
      context.createMediaStreamSource(new MediaStream([own])).connect(analyser)
      const samples = new Float32Array(analyser.fftSize)
      const timer = setInterval(() => {
        analyser.getFloatTimeDomainData(samples)
        const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length
        // −60 dB … −6 dB on a linear bar.
        const decibel = 10 * Math.log10(power + 1e-9)
        level.value = Math.min(1, Math.max(0, (decibel + 60) / 54))
      }, EVERY_MS)
      stop = () => {
        clearInterval(timer)
        own.stop()
        void context.close()
        stop = () => {}
      }
    },
    { immediate: true },
  )
  onScopeDispose(() => stop())
  return level
}
