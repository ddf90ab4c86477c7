// Duty floors as they stand: read anew every few seconds while somebody looks, because nobody can look away from an alarm.
import { computed, onUnmounted, ref, shallowRef, type WatchSource, watch } from 'vue'
import { type Api, Problem } from '#shared/api'
import type { Pool } from '#shared/people'
import type { PracticeArea } from '#shared/protocol'

const EVERY_MS = 10_000

export interface FloorRow {
  pool: Pool
  practiceArea: PracticeArea | null
  minimum: number
  onDuty: number
  alarmSince: number | null
  least: number | null
  setBy: string | null
  setAt: number
}

/** `looks` says whether the one who is signed in may see them; `onExpired` hears that nobody is signed in any more. */
export function useFloors(api: Api, looks: WatchSource<boolean>, onExpired: () => void) {
  const rows = shallowRef<FloorRow[]>([])
  const loaded = ref(false)
  const alarms = computed(() => rows.value.filter(row => row.alarmSince !== null))
  let timer: ReturnType<typeof setInterval> | undefined

  async function load(): Promise<void> {
    try {
      rows.value = (await api.get<{ items: FloorRow[] }>('/api/floors')).items
      loaded.value = true
    } catch (error) {
      if (error instanceof Problem && error.status === 401) onExpired()
      // Otherwise what was known stands until the server answers again.
    }
  }

  function stop(): void {
    clearInterval(timer)
    rows.value = []
    loaded.value = false
  }

  watch(
    looks,
    may => {
      stop()
      if (!may) return
      void load()
      timer = setInterval(() => {
        if (!document.hidden) void load()
      }, EVERY_MS)
    },
    { immediate: true },
  )
  onUnmounted(stop)

  return { rows, loaded, alarms, load }
}
