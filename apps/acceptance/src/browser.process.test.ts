import { fileURLToPath } from 'node:url'
import { build, type Rolldown } from 'vite'
import { describe, expect, test } from 'vitest'
import { hasBrowser, inBrowser } from './browser.js'
import { type StartRun, startRun } from './start-run.js'

/** The worker and everything it imports, as one script. Fails where anything of it needs Node. */
async function bundleWorker(): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: 'error',
    resolve: { conditions: ['@servesim/source', 'module', 'browser'] },
    build: { write: false, minify: false, lib: { entry: fileURLToPath(new URL('start-worker.ts', import.meta.url)), formats: ['es'] } },
  })
  const outputs = (Array.isArray(built) ? built : [built]) as Rolldown.RolldownOutput[]
  const chunks = outputs.flatMap(({ output }) => output)
  expect(chunks).toHaveLength(1)
  const [chunk] = chunks
  if (chunk?.type !== 'chunk') throw new Error('The bundle is no script.')
  expect(chunk.imports).toEqual([])
  return chunk.code
}

/** A page that starts the worker and keeps what it says in `window.answer`. */
const page = `<!doctype html><script>
  const worker = new Worker('/worker.js', { type: 'module' })
  window.answer = new Promise((resolve, reject) => { worker.onmessage = (event) => resolve(event.data); worker.onerror = (event) => reject(new Error(event.message)) })
</script>`

async function runInBrowser(): Promise<StartRun> {
  const site = { '/': ['text/html', page], '/worker.js': ['text/javascript', await bundleWorker()] } as const
  return inBrowser(site, async (tab, open) => {
    await open()
    return tab.evaluate(() => (globalThis as unknown as { answer: Promise<StartRun> }).answer)
  })
}

describe.skipIf(!hasBrowser)('the start scenario', () => {
  test('gives the same bytes in Node and in a browser’s worker', async () => {
    const node = startRun()
    const browser = await runInBrowser()
    expect(browser.steps).toBe(node.steps)
    expect(JSON.stringify(browser.metrics)).toBe(JSON.stringify(node.metrics))
    expect(Buffer.from(browser.requests).equals(Buffer.from(node.requests))).toBe(true)
  })
})
