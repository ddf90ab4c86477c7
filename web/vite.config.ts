// Three pages in one package, each with its own entry; nothing inline, so that the content policy can stay strict.
import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'
import { compress } from './compress'

const page = (path: string) => fileURLToPath(new URL(path, import.meta.url))
// During development the API and the socket are those of a server that runs beside it.
const server = process.env.YUNFA_DEV_SERVER ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [vue(), compress()],
  server: { proxy: { '/api': server, '/ws': { target: server, ws: true } } },
  build: {
    // WebViews of phones from 2021 on.
    target: ['es2020', 'chrome87', 'safari14'],
    // A data: URI would break `default-src 'self'`.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: {
        citizen: page('index.html'),
        lawyer: page('lawyer/index.html'),
        office: page('office/index.html'),
        worker: page('lawyer/worker.ts'),
      },
      // A worker answers for the paths below its own, and its name must not change.
      output: { entryFileNames: ({ name }) => (name === 'worker' ? 'lawyer/worker.js' : 'assets/[name]-[hash].js') },
    },
  },
})
