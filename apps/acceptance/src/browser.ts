import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type Page } from 'playwright-core'

const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium'

/** Whether there is a browser to test with; says so where there is none. */
export const hasBrowser = existsSync(executablePath)
if (!hasBrowser) console.warn(`Tests in a browser are skipped: there is no ${executablePath}; CHROMIUM_PATH names another one.`)

export type Served = Readonly<Record<string, readonly [type: string, text: string]>>

/** Opens `/` of a site that is served on the loopback interface, and says what `look` finds there. */
export async function inBrowser<Found>(site: Served, look: (tab: Page, open: () => Promise<unknown>) => Promise<Found>): Promise<Found> {
  const server = await serve(site)
  const profile = mkdtempSync(join(tmpdir(), 'servesim-chromium-'))
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking']
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: [...args, '--disable-component-update', '--disable-sync'],
  })
  try {
    const tab = await browser.newPage()
    return await look(tab, () => tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`))
  } finally {
    await browser.close()
    server.close()
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
  }
}

function serve(site: Served): Promise<Server> {
  const server = createServer((request, response) => {
    const found = site[request.url ?? '']
    response.writeHead(found === undefined ? 404 : 200, { 'content-type': found?.[0] ?? 'text/plain' }).end(found?.[1] ?? '')
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
}
