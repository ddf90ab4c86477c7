// The area tree, for choosing and for naming.
import { type Ref, ref } from 'vue'
import type { Api } from '#shared/api'

export interface Area {
  code: string
  parent: string | null
  level: 'county' | 'town' | 'village'
  name: string
}

export function useAreas(api: Api): { areas: Ref<Area[]>; nameOf: (code: string) => string } {
  const areas = ref<Area[]>([])
  api
    .get<{ areas: Area[] }>('/api/directory')
    .then(directory => {
      areas.value = directory.areas
    })
    .catch(() => {
      // Codes are shown until names are there.
    })
  return { areas, nameOf: code => areas.value.find(area => area.code === code)?.name ?? code }
}
