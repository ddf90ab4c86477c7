// Attachments of text questions: pictures made smaller and nameless, voice as the browser records it, read through the API.
import type { Api } from './api'

export interface Attachment {
  id: string
  text: string
  mediaType: string
  bytes: number
  createdAt: number
}

/** Longest side of a picture: a page of paper stays readable. */
const MAX_SIDE = 2200
const QUALITY = 0.85
/** Attachments of one text; the server takes no more. */
export const MAX_ATTACHMENTS = 6
/** Bytes of one; the server refuses a larger one. */
export const MAX_BYTES = 10 * 1024 * 1024
/** Longest voice message. */
export const MAX_VOICE_SECONDS = 300

/**
 * A picture as it is sent: drawn anew, so that it is small enough for a rural line and says neither where nor by which
 * phone it was taken. What cannot be drawn goes as it is; the server looks at it.
 */
export async function smaller(file: Blob): Promise<Blob> {
  if (!file.type.startsWith('image/')) return file
  try {
    const picture = await createImageBitmap(file)
    const scale = Math.min(1, MAX_SIDE / Math.max(picture.width, picture.height))
    const canvas = document.createElement('canvas')
    canvas.width = Math.max(1, Math.round(picture.width * scale))
    canvas.height = Math.max(1, Math.round(picture.height * scale))
    const pen = canvas.getContext('2d')
    if (!pen) return file
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height)
    picture.close()
    const drawn = await new Promise<Blob | null>(resolve => canvas.toBlob(resolve, 'image/jpeg', QUALITY))
    return drawn ?? file
  } catch {
    return file
  }
}

/** Sends files one after the other; returns those that did not arrive. */
export async function send(api: Api, question: string, text: string, files: readonly Blob[]): Promise<Blob[]> {
  const left: Blob[] = []
  for (const file of files) {
    try {
      await api.attach(`/api/questions/${question}/attachments?text=${text}`, file)
    } catch {
      left.push(file)
    }
  }
  return left
}
