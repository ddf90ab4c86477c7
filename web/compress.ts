// Lays .br and .gz beside every built file, so that the server never compresses while somebody waits.
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, gzip } from 'node:zlib'
import type { Plugin } from 'vite'

/** Below this a compressed answer is no shorter on the wire. */
const MIN_BYTES = 1_024
const PACKED: readonly [suffix: string, pack: (plain: Buffer) => Promise<Buffer>][] = [
  ['.br', promisify(brotliCompress)],
  ['.gz', promisify(gzip)],
]

export function compress(): Plugin {
  let folder = 'dist'
  return {
    name: 'compress',
    apply: 'build',
    configResolved: config => {
      folder = config.build.outDir
    },
    closeBundle: async () => {
      for (const name of await readdir(folder, { recursive: true })) {
        const path = join(folder, name)
        if (!/\.(html|js|css|svg)$/.test(name) || (await stat(path)).size < MIN_BYTES) continue
        const plain = await readFile(path)
        for (const [suffix, pack] of PACKED) await writeFile(path + suffix, await pack(plain))
      }
    },
  }
}
