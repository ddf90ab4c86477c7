// A file of the server, fetched with the page's door and handed to the browser as a download.
import type { Api } from './api'

/** A phone may take its time to ask where to put it. */
const KEPT_MS = 60_000

/** Saves the file of a matter. */
export async function saveMatter(api: Api, matter: string): Promise<void> {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(await api.file(`/api/matters/${matter}/archive`))
  link.download = `matter-${matter}.zip`
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS)
}
