import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type CodeBlock, codeBlocks, printedBy, withTexts } from './markdown.js'
import { root, servesim } from './workspace.js'

// Samples of TypeScript are compiled and run. Where a page shows what a sample or a command prints, it prints that:
// `npx vitest run -u apps/acceptance` writes the pages anew.

/** Samples stand where the packages of the workspace can be imported. */
const folder = fileURLToPath(new URL('../dist/samples/', import.meta.url))
const cwd = mkdtempSync(join(tmpdir(), 'servesim-readme-'))

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
})
afterAll(() => rmSync(cwd, { recursive: true }))

/** README.md of the repository and of every package. */
const pages = ['README.md', ...readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(isReadme)].sort()

function isReadme(path: string): boolean {
  return /^(packages\/[^/]+|plugins\/[^/]+\/[^/]+)\/README[.]md$/.test(path)
}

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
      const name = `${dirname(page).replaceAll('/', '-').replace('.', 'root')}-${i + 1}.ts`
      return { name, block, file: join(folder, name) }
    })
}

test('every sample compiles', () => {
  const samples = pages.flatMap(samplesOf)
  for (const { file, block } of samples) writeFileSync(file, block.text)
  const config = ts.readConfigFile(join(root, 'tsconfig.base.json'), ts.sys.readFile)
  const { options } = ts.convertCompilerOptionsFromJson(config.config.compilerOptions, root)
  const files = samples.map(({ file }) => file)
  const program = ts.createProgram(files, { ...options, composite: false, declaration: false, noEmit: true })
  const problems = files.flatMap((file) =>
    ts.getPreEmitDiagnostics(program, program.getSourceFile(file)).map(({ messageText, start = 0 }) => {
      const line = program.getSourceFile(file)!.getLineAndCharacterOfPosition(start).line + 1
      return `${relative(folder, file)}:${line} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
    }),
  )
  expect(problems).toEqual([])
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
        const output = await outputOfCommands(block.text)
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

async function outputOfCommands(commands: string): Promise<string> {
  let output = ''
  for (const command of commands.trimEnd().split('\n')) {
    const { code, stdout, stderr } = await servesim(cwd, command)
    expect(code, stderr).toBe(0)
    output += stdout
  }
  return output
}

/** How long the simulation took differs from run to run: the page keeps its time. */
function sameTimes(output: string, shown: string): string {
  const time = /simulated in .*/
  const kept = time.exec(shown)?.[0]
  return kept === undefined ? output : output.replace(time, kept)
}
