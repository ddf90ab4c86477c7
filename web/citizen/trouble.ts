// What is said about a device that is missing.
import type { Missing } from '#shared/devices'
import { t } from './words'

/** The sentence for a missing microphone (the talk goes on by text), else for a missing camera (it goes on by voice). */
export function troubleWords(microphone: Missing | 'lost' | null, camera: Missing | null): string {
  switch (microphone) {
    case 'refused':
      return t('device.microphoneRefused')
    case 'absent':
      return t('device.noMicrophone')
    case 'busy':
      return t('device.microphoneBusy')
    case 'insecure':
      return t('device.insecure')
    case 'lost':
      return t('device.lost')
    case null:
      break
  }
  switch (camera) {
    case 'refused':
      return t('device.cameraRefused')
    case 'busy':
      return t('device.cameraBusy')
    case 'absent':
    case 'insecure':
      return t('device.noCamera')
    case null:
      return ''
  }
}
