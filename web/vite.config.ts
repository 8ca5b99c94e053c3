import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const server = 'http://127.0.0.1:5001';

/** The server refuses foreign origins, so a proxied request must look like one of its own. */
const proxied = {
  target: server,
  changeOrigin: true,
  headers: { origin: server },
};

export default defineConfig({
  base: '/',
  plugins: [react()],
  build: {
    outDir: 'dist',
    // The content security policy allows no data: scripts or styles, so nothing is inlined.
    assetsInlineLimit: 0,
  },
  server: {
    proxy: {
      '/api': proxied,
      '/add': proxied,
      '/fetch': proxied,
      '/health': proxied,
      '/openapi': proxied,
    },
  },
  test: {
    environment: 'jsdom',
    setupFiles: ['src/testing/setup.ts'],
    restoreMocks: true,
    // A deadline, not a pace: the machine may be busy.
    testTimeout: 30_000,
  },
});
