// What the county offers: its areas and the version of the consent text.
import { type Ref, ref } from 'vue'
import { openApi } from '#shared/api'

export interface Area {
  code: string
  parent: string | null
  level: 'county' | 'town' | 'village'
  name: string
}

export interface Directory {
  areas: readonly Area[]
  consentVersion: string
  bureau: { name: string }
}

const UNKNOWN: Directory = { areas: [], consentVersion: '', bureau: { name: '' } }

export function useDirectory(): { directory: Ref<Directory>; failed: Ref<boolean>; load: () => Promise<void> } {
  const directory = ref<Directory>(UNKNOWN)
  const failed = ref(false)
  const load = async (): Promise<void> => {
    try {
      directory.value = await openApi('citizen').get<Directory>('/api/directory')
      failed.value = false
    } catch {
      failed.value = true
    }
  }
  return { directory, failed, load }
}

/** The county itself: what is asked for when nobody chooses a village. */
export function countyOf(directory: Directory): string {
  return directory.areas.find(area => area.level === 'county')?.code ?? directory.areas[0]?.code ?? ''
}

/** Towns with their villages, as the list shows them. */
export function townsOf(directory: Directory): { town: Area; villages: Area[] }[] {
  return directory.areas
    .filter(area => area.level === 'town')
    .map(town => ({ town, villages: directory.areas.filter(area => area.parent === town.code) }))
}
