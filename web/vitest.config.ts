// Unit tests of the plain TypeScript and of single components.
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  plugins: [vue()],
  test: { environment: 'happy-dom', include: ['{shared,citizen,lawyer,office}/**/*.test.ts'] },
})
