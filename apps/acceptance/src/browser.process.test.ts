import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { build, type Rolldown } from 'vite'
import { afterAll, describe, expect, test } from 'vitest'
import { type StartRun, startRun } from './start-run.js'

const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium'
const isPresent = existsSync(executablePath)
if (!isPresent) console.warn(`The browser test is skipped: there is no ${executablePath}; CHROMIUM_PATH names another one.`)

const profile = mkdtempSync(join(tmpdir(), 'servesim-chromium-'))
afterAll(() => rmSync(profile, { recursive: true, force: true, maxRetries: 5 }))

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

function serve(files: Record<string, [type: string, text: string]>): Promise<Server> {
  const server = createServer((request, response) => {
    const [type, text] = files[request.url ?? ''] ?? ['text/plain', '']
    response.writeHead(files[request.url ?? ''] === undefined ? 404 : 200, { 'content-type': type }).end(text)
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
}

async function runInBrowser(): Promise<StartRun> {
  const server = await serve({ '/': ['text/html', page], '/worker.js': ['text/javascript', await bundleWorker()] })
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking']
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: [...args, '--disable-component-update', '--disable-sync'],
  })
  try {
    const tab = await browser.newPage()
    await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    return await tab.evaluate(() => (globalThis as unknown as { answer: Promise<StartRun> }).answer)
  } finally {
    await browser.close()
    server.close()
  }
}

describe.skipIf(!isPresent)('the start scenario', () => {
  test('gives the same bytes in Node and in a browser’s worker', async () => {
    const node = startRun()
    const browser = await runInBrowser()
    expect(browser.steps).toBe(node.steps)
    expect(JSON.stringify(browser.metrics)).toBe(JSON.stringify(node.metrics))
    expect(Buffer.from(browser.requests).equals(Buffer.from(node.requests))).toBe(true)
  })
})
