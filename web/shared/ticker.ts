// The time as pages show it: ticks only while somebody looks.
import { onScopeDispose, ref } from 'vue'

/** Milliseconds since 1970, refreshed a few times a second so that no shown second is skipped. */
export function useNow() {
  const now = ref(Date.now())
  const timer = setInterval(() => {
    now.value = Date.now()
  }, 250)
  onScopeDispose(() => clearInterval(timer))
  return now
}
