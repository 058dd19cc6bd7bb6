import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { workspacePackages } from '../../../scripts/workspace-packages.mjs'
import { type CodeBlock, codeBlocks, printedBy, withTexts } from './markdown.js'
import { buildCommandLine, execute, root, servesim } from './workspace.js'

// Samples of TypeScript are compiled and run. Where a page shows what a sample or a command prints, it prints that:
// `npx vitest run -u apps/acceptance` writes the pages anew.

/** Samples stand where the packages of the workspace can be imported. */
const folder = fileURLToPath(new URL('../dist/samples/', import.meta.url))
const cwd = mkdtempSync(join(tmpdir(), 'servesim-readme-'))

beforeAll(() => {
  buildCommandLine()
  rmSync(folder, { recursive: true, force: true })
  // Whatever package a sample is about, it can be imported.
  for (const { folder: path, manifest } of workspacePackages(root)) {
    if (manifest.private) continue
    const target = join(folder, 'node_modules', manifest.name)
    mkdirSync(dirname(target), { recursive: true })
    symlinkSync(join(root, path), target, 'junction')
  }
}, 60_000)
afterAll(() => {
  for (const each of [folder, cwd]) rmSync(each, { recursive: true })
})

/** Pages with samples: README.md of the repository and of every package, and the pages on embedding and on the points. */
const pages = [
  'README.md',
  'docs/embedding.md',
  'docs/points.md',
  ...workspacePackages(root).map(({ folder }) => `${folder}/README.md`),
].filter((page) => existsSync(join(root, page)))

interface Sample {
  name: string
  block: CodeBlock
  file: string
}

/** Blocks of `ts`; those marked `ts fragment` need files or parts that only their reader has. */
function samplesOf(page: string): Sample[] {
  return codeBlocks(readFileSync(join(root, page), 'utf8'))
    .filter(({ info }) => info === 'ts')
    .map((block, i) => {
      const name = `${page.replace(/\.md$/, '').replaceAll('/', '-')}-${i + 1}.ts`
      return { name, block, file: join(folder, name) }
    })
}

test('every sample compiles', () => {
  for (const { file, block } of pages.flatMap(samplesOf)) writeFileSync(file, block.text)
  const compilerOptions = { composite: false, declaration: false, noEmit: true }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: join(root, 'tsconfig.base.json'), compilerOptions }))
  expect(execute(folder, 'tsc', '-p', folder)).toEqual({ code: 0, output: '' })
})

describe.each(pages)('%s', (page) => {
  test('its samples run, and print what it shows', async () => {
    const text = readFileSync(join(root, page), 'utf8')
    const blocks = codeBlocks(text)
    const samples = samplesOf(page)
    const files = blocks.flatMap(({ file }) => file ?? [])
    const printed = new Map<CodeBlock, string>()
    for (const block of blocks) {
      const shown = printedBy(block, blocks)
      const sample = samples.find((one) => one.block.from === block.from)
      if (block.file !== undefined) writeFileSync(join(cwd, block.file), block.text)
      if (sample !== undefined) {
        const output = await outputOf(sample)
        if (shown !== undefined) printed.set(shown, output)
      } else if (block.info === 'sh' && (shown !== undefined || files.some((file) => block.text.includes(` ${file}`)))) {
        const output = outputOfCommands(block.text)
        if (shown !== undefined) printed.set(shown, sameTimes(output, shown.text))
      }
    }
    await expect(withTexts(text, printed)).toMatchFileSnapshot(join(root, page))
  })
})

async function outputOf({ file, block }: Sample): Promise<string> {
  writeFileSync(file, block.text)
  const lines: string[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((...values) => void lines.push(values.map(String).join(' ')))
  try {
    await import(pathToFileURL(file).href)
  } finally {
    log.mockRestore()
  }
  return lines.join('\n')
}

function outputOfCommands(commands: string): string {
  let output = ''
  for (const command of commands.trimEnd().split('\n')) {
    const { code, output: printed } = servesim(cwd, command)
    expect(code, printed).toBe(0)
    output += printed
  }
  return output
}

/** How long the simulation took differs from run to run: the page keeps its time. */
function sameTimes(output: string, shown: string): string {
  const time = /simulated in .*/
  const kept = time.exec(shown)?.[0]
  return kept === undefined ? output : output.replace(time, kept)
}
