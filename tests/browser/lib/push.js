// A push service (RFC 8030) and the keys of one browser's subscription: what is posted is opened as the browser would (RFC 8291).
import { createDecipheriv, createECDH, hkdfSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { until } from './people.js'

/** Bytes before the ciphertext: salt, record size, length of the sender's key, the key (RFC 8188 section 2.1). */
const SALT = 16
const KEY_AT = SALT + 4 + 1
const KEY_BYTES = 65
const TAG_BYTES = 16

/** Starts it on a free port; `pushed()` waits for the next message. */
export async function startPushService() {
  const receiver = createECDH('prime256v1')
  const own = receiver.generateKeys()
  const auth = randomBytes(16)
  const messages = []
  const service = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray())
    messages.push(open(receiver, own, auth, body))
    response.writeHead(201).end()
  })
  service.listen(0, '127.0.0.1')
  await once(service, 'listening')
  service.unref()
  const origin = `http://127.0.0.1:${service.address().port}`
  return {
    origin,
    subscription: {
      endpoint: `${origin}/one`,
      keys: { p256dh: own.toString('base64url'), auth: auth.toString('base64url') },
    },
    pushed: async () => {
      await until(() => messages.length > 0, 'nothing was pushed')
      return messages.shift()
    },
  }
}

function open(receiver, own, auth, body) {
  const sender = body.subarray(KEY_AT, KEY_AT + KEY_BYTES)
  const shared = receiver.computeSecret(sender)
  const keys = Buffer.concat([Buffer.from('WebPush: info\0'), own, sender])
  const secret = derive(shared, auth, keys, 32)
  const salt = body.subarray(0, SALT)
  const key = derive(secret, salt, 'Content-Encoding: aes128gcm\0', 16)
  const nonce = derive(secret, salt, 'Content-Encoding: nonce\0', 12)
  const cipher = createDecipheriv('aes-128-gcm', key, nonce)
  cipher.setAuthTag(body.subarray(-TAG_BYTES))
  const padded = Buffer.concat([cipher.update(body.subarray(KEY_AT + KEY_BYTES, -TAG_BYTES)), cipher.final()])
  // The last record ends with 2 and zeros (RFC 8188 section 2).
  return padded.subarray(0, padded.lastIndexOf(2)).toString()
}

function derive(secret, salt, info, length) {
  return Buffer.from(hkdfSync('sha256', secret, salt, info, length))
}
