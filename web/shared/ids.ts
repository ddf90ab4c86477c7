// UUID v7 (RFC 9562 5.7): what a client mints itself, so that asking twice is one thing.

/** Mints a UUID v7. `getRandomValues` works on plain HTTP too, where `randomUUID` is absent. */
export function mintId(ms: number = Date.now()): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  for (let at = 0, rest = ms; at < 6; at += 1) {
    bytes[5 - at] = rest % 256
    rest = Math.floor(rest / 256)
  }
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f)
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f)
  const hex = Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
