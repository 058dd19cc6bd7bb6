import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import { main } from './main.js'

const root = mkdtempSync(join(tmpdir(), 'servesim-create-main-'))
afterAll(() => rmSync(root, { recursive: true }))
afterEach(() => vi.restoreAllMocks())

async function run(...args: string[]): Promise<{ code: number; text: string }> {
  let text = ''
  const keep = (chunk: unknown) => {
    text += String(chunk)
    return true
  }
  vi.spyOn(process.stdout, 'write').mockImplementation(keep)
  vi.spyOn(process.stderr, 'write').mockImplementation(keep)
  return { code: await main(args, root), text }
}

test('writes a plugin and says what comes next', async () => {
  const { code, text } = await run('--kind', 'router', '--name', 'mine')
  expect(code).toBe(0)
  expect(text).toContain('Wrote servesim-router-mine')
  expect(text).toContain('cd servesim-router-mine\n  npm install\n  npm test\n  npm start')
  expect(existsSync(join(root, 'servesim-router-mine', 'src', 'index.ts'))).toBe(true)
})

test.each([
  [['--kind', 'toaster', '--name', 'a'], 'There is no kind "toaster"; there are device-data,'],
  [['--kind', 'router'], '--name is missing, and nobody is there to ask'],
  [['--knid', 'router'], "Unknown option '--knid'"],
  [['--kind', 'router', '--name', 'mine'], 'is not empty'],
])('%j is refused in one sentence', async (args, sentence) => {
  const { code, text } = await run(...args)
  expect(code).toBe(2)
  expect(text).toContain(sentence)
  expect(text).not.toMatch(/^ +at /m)
})

test('helps', async () => {
  const { code, text } = await run('--help')
  expect(code).toBe(0)
  for (const kind of ['device-data', 'eviction', 'network']) expect(text).toContain(kind)
})
