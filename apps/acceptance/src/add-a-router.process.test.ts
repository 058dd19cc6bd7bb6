import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { blocksBelow } from './markdown.js'
import { buildCommandLine, commandsOf, dependenciesOf, execute, link, root, servesim, writeShown } from './workspace.js'

// CONTRIBUTING.md, "Add a router", followed to the letter in a copy of the repository.

const blocks = blocksBelow(readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8'), '## Add a router')
const router = 'plugins/policies/router-two-choices'
const parts = ['packages', 'plugins', 'apps', 'scripts', 'docs', '.gitignore', '.dependency-cruiser.mjs', 'biome.json', 'knip.json']
const others = ['package.json', 'pnpm-workspace.yaml', 'tsconfig.base.json', 'tsconfig.json', 'tsconfig.test.json', 'vitest.config.ts']

let copy: string

beforeAll(() => {
  buildCommandLine()
  copy = mkdtempSync(join(tmpdir(), 'servesim-router-'))
  for (const part of [...parts, ...others])
    cpSync(join(root, part), join(copy, part), { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'junction')
}, 60_000)

afterAll(() => rmSync(copy, { recursive: true, force: true }))

/** The line for the list in tsconfig.json is the one block of JSON that is no file. */
function addReference(): void {
  const line = blocks.find(({ info, file }) => info === 'json' && file === undefined)!.text
  const config = JSON.parse(readFileSync(join(copy, 'tsconfig.json'), 'utf8'))
  config.references.push(JSON.parse(line))
  writeFileSync(join(copy, 'tsconfig.json'), `${JSON.stringify(config, null, 2)}\n`)
}

/** Each command of the recipe, or what it comes to here: without a registry, and for the new folder alone where all would take long. */
const run: Record<string, () => { code: number | null; output: string }> = {
  'npx pnpm install': () => {
    link(join(copy, router), dependenciesOf(join(copy, router)), copy)
    return { code: 0, output: '' }
  },
  'npm run build': () => execute(copy, 'tsc', '-b', 'packages/cli', router),
  'npm run format': () => execute(copy, 'biome', 'check', '--write', router),
  'npm run docs': () => execute(copy, process.execPath, 'scripts/docs.mjs'),
  [`npx vitest run ${router}`]: () => execute(copy, 'vitest', 'run', router),
  'npm run check': () => {
    const { scripts } = JSON.parse(readFileSync(join(copy, 'package.json'), 'utf8'))
    const tasks = ['format', 'unused', 'imports', 'core-names', 'manifests', 'docs'].map((task) => scripts[`check:${task}`].split(' '))
    // Whatever else the repository has to complain about is not this recipe's.
    const about = tasks
      .flatMap(([program, ...args]) => execute(copy, program, ...args).output.split('\n'))
      .filter((line) => line.includes(router))
    return { code: about.length, output: about.join('\n') }
  },
}

test('the recipe "Add a router" leads to a router that passes every check', () => {
  writeShown(copy, blocks)
  addReference()
  for (const command of commandsOf(blocks)) {
    const { code, output } = command.startsWith('npx servesim ')
      ? servesim(copy, command, copy)
      : (run[command]?.() ?? { code: 1, output: 'Nobody knows how to run this.' })
    expect(code, `${command}\n${output}`).toBe(0)
    if (command.startsWith('npx servesim ')) expect(output).toContain('on 4 × h100-sxm')
  }
  expect(readFileSync(join(copy, router, 'README.md'), 'utf8')).toContain('| `choices` | `integer ≥ 1, ≤ 1000` | `2` |')
}, 120_000)
