import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasBrowser, inBrowser, type Served } from './browser.js'
import { blocksBelow, type CodeBlock, codeBlocks, withTexts } from './markdown.js'
import { buildEverything, execute, link, root, writeShown } from './workspace.js'

// docs/embedding.md, done as it says. What is printed stands in the page: `npx vitest run -u apps/acceptance` writes it anew.

const file = join(root, 'docs/embedding.md')
const page = readFileSync(file, 'utf8')
const folder = mkdtempSync(join(tmpdir(), 'servesim-embedding-'))
const types: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript' }

beforeAll(() => {
  buildEverything()
  link(folder, ['@servesim/core', '@servesim/preset-default'])
  // The bundler itself is the workspace's own.
  symlinkSync(join(root, 'node_modules', 'vite'), join(folder, 'node_modules', 'vite'), 'junction')
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n')
  writeShown(folder, codeBlocks(page))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What was printed, by the block that shows it: the last text of a section. */
const printed = new Map<CodeBlock, string>()
function keep(heading: string, text: string): void {
  printed.set(blocksBelow(page, heading).findLast(({ info }) => info === 'text')!, text)
}

describe.skipIf(!hasBrowser)('the browser worker', () => {
  test('runs in a real browser', async () => {
    await build({ root: folder, configFile: false, logLevel: 'error', base: './', worker: { format: 'es' }, build: { outDir: 'site' } })
    const lines = await inBrowser(siteOf(join(folder, 'site')), async (tab, open) => {
      const said: string[] = []
      const done = new Promise<void>((resolve, reject) => {
        tab.on('console', (message) => {
          said.push(message.text())
          if (message.text().includes('tokens/s')) resolve()
        })
        tab.on('pageerror', reject)
      })
      await open()
      await done
      return said
    })
    keep('## In a browser worker', lines.join('\n'))
  })
})

test('the bundle runs alone', () => {
  const bundled = execute(folder, process.execPath, 'bundle.mjs')
  expect(bundled).toEqual({ code: 0, output: '' })
  const alone = mkdtempSync(join(tmpdir(), 'servesim-bundle-'))
  cpSync(join(folder, 'dist', 'bundle.mjs'), join(alone, 'bundle.mjs'))
  const { code, output } = execute(alone, process.execPath, 'bundle.mjs')
  rmSync(alone, { recursive: true })
  expect(code, output).toBe(0)
  keep('## In a bundler', output.trimEnd())
})

test('the page shows what they print', async () => {
  await expect(withTexts(page, printed)).toMatchFileSnapshot(file)
})

function siteOf(folder: string): Served {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => extname(name) in types)
  const entries = files.map(
    (name) =>
      [
        `/${name === 'index.html' ? '' : name.replaceAll('\\', '/')}`,
        [types[extname(name)]!, readFileSync(join(folder, name), 'utf8')],
      ] as const,
  )
  return Object.fromEntries([...entries, ['/favicon.ico', ['image/x-icon', '']]])
}
