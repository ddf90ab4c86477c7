// An authenticator: RFC 6238 with SHA-1, six digits and steps of 30 s.
import { createHmac } from 'node:crypto'

/** The code that it shows at `at`; the secret is base32, with or without spaces. */
export function totp(secret, at) {
  const base32 = secret.replaceAll(' ', '')
  const bits = [...base32].map(letter => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'))
  const key = Buffer.from(bits.join('').match(/.{8}/g).map(byte => Number.parseInt(byte, 2)))
  const step = Buffer.alloc(8)
  step.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)))
  const hash = createHmac('sha1', key).update(step).digest()
  const offset = hash[19] & 0xf
  return String((hash.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}
