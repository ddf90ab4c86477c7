// A work list of the office: read when the page opens and again after each deed.
import { onMounted, ref, shallowRef } from 'vue'
import { type Api, Problem } from '#shared/api'

/** `path` says which list is wanted now; `onExpired` hears that nobody is signed in any more. */
export function useWorkList<Row>(api: Api, path: () => string, onExpired: () => void) {
  const rows = shallowRef<Row[]>([])
  const loaded = ref(false)
  const failed = ref(false)

  async function load(): Promise<void> {
    try {
      rows.value = (await api.get<{ items: Row[] }>(path())).items
      failed.value = false
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return onExpired()
      failed.value = true
    }
    loaded.value = true
  }

  onMounted(() => void load())

  return { rows, loaded, failed, load }
}
