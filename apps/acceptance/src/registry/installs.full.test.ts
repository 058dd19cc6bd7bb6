import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { arch, cpus, platform } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { root } from '../workspace.js'
import { LoopbackRegistry } from './loopback-registry.js'

// docs/installing.md: what an install weighs and how long a newcomer's first own plugins take. With SERVESIM_WRITE_DOCS=1 the tables are written
// anew; else what they say of sizes must still be near.

vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 })

const file = join(root, 'docs/installing.md')
const isWriting = process.env.SERVESIM_WRITE_DOCS === '1'
/** How far a size may have moved from what the page says. */
const tolerance = 0.3

let registry: LoopbackRegistry
beforeAll(async () => {
  registry = await LoopbackRegistry.start()
  await registry.publishWorkspace()
})
afterAll(() => registry?.stop())

const smallestSet = [
  '@servesim/core',
  '@servesim/device-gpu',
  '@servesim/models',
  '@servesim/router-round-robin',
  '@servesim/scheduler-vllm',
]

interface Installed {
  packages: number
  bytes: number
  coldS: number
  warmS: number
}

/** Installs into two empty folders: with nothing cached, and again. */
async function installed(name: string, packages: readonly string[]): Promise<Installed> {
  const cache = join(registry.folder, `cache-${name}`)
  const seconds: number[] = []
  for (const turn of ['cold', 'warm']) {
    const folder = registry.project(`${name}-${turn}`, { 'package.json': {} })
    const { code, errors, seconds: taken } = await registry.run(folder, 'npm', 'install', '--cache', cache, ...packages)
    expect(code, errors).toBe(0)
    seconds.push(taken)
  }
  const modules = join(registry.folder, `${name}-cold`, 'node_modules')
  const lock = JSON.parse(readFileSync(join(registry.folder, `${name}-cold`, 'package-lock.json'), 'utf8'))
  return { packages: Object.keys(lock.packages).length - 1, bytes: bytesBelow(modules), coldS: seconds[0]!, warmS: seconds[1]! }
}

function bytesBelow(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(folder, entry.name)
    return sum + (entry.isDirectory() ? bytesBelow(path) : entry.isFile() ? statSync(path).size : 0)
  }, 0)
}

/** Runs commands as the page has them, one after the other. @returns seconds of each */
async function followed(name: string, commands: readonly string[]): Promise<number[]> {
  let folder = registry.project(name)
  const seconds: number[] = []
  for (const command of commands) {
    const [program, ...args] = command.split(' ')
    if (program === 'cd') {
      folder = join(folder, args[0]!)
      continue
    }
    const { code, output, errors, seconds: taken } = await registry.run(folder, program!, ...args)
    expect(code, `${command}\n${output}${errors}`).toBe(0)
    if (command === 'npm start') expect(output).toMatch(/^TTFT/m)
    seconds.push(taken)
  }
  return seconds
}

/** The table between two markers of the page. */
function table(marker: string, lines: readonly string[]): { shown: string; replaced: string } {
  const page = readFileSync(file, 'utf8')
  const [open, close] = [`<!-- ${marker} -->\n`, `<!-- /${marker} -->`]
  const from = page.indexOf(open) + open.length
  const to = page.indexOf(close)
  expect(from >= open.length && to >= from, `docs/installing.md has no table ${marker}`).toBe(true)
  return { shown: page.slice(from, to), replaced: `${page.slice(0, from)}\n${lines.join('\n')}\n\n${page.slice(to)}` }
}

const kilobytes = (bytes: number) => Math.round(bytes / 1000)

test('installs are as small as the page says', async () => {
  const rows = [
    ['the smallest useful set', smallestSet],
    ['`servesim`', ['servesim']],
  ] as const
  const lines = ['| installed | packages | on disk, kB | nothing cached, s | cached, s |', '|---|---|---|---|---|']
  for (const [i, [what, packages]] of rows.entries()) {
    const { packages: count, bytes, coldS, warmS } = await installed(`install-${i}`, packages)
    const { shown } = table('installs', [])
    const said = Number(new RegExp(`^\\| ${what} \\| \\d+ \\| (\\d+) `, 'm').exec(shown)?.[1])
    if (!isWriting)
      expect(Math.abs(kilobytes(bytes) / said - 1), `${what}: ${kilobytes(bytes)} kB, the page says ${said}`).toBeLessThan(tolerance)
    lines.push(`| ${what} | ${count} | ${kilobytes(bytes)} | ${coldS.toFixed(1)} | ${warmS.toFixed(1)} |`)
  }
  console.log(lines.join('\n'))
  if (isWriting) writeFileSync(file, table('installs', lines).replaced)
})

test('a newcomer’s commands lead to a first own router and a first own device', async () => {
  const ways = [
    ['router', 'a first own router in a simulation'],
    ['device-data', 'a first own device, from data'],
    ['device', 'a first own device, in code'],
  ] as const
  const machine = `${cpus().length} cores, ${platform()} ${arch()}, Node ${process.version}`
  const lines = ['| from an empty folder to | commands | seconds of each | minutes in all |', '|---|---|---|---|']
  for (const [kind, what] of ways) {
    const folder = `servesim-${kind === 'device-data' ? 'bundle' : kind}-mine`
    const commands = [
      `npm create --yes servesim-plugin@latest -- --kind ${kind} --name mine`,
      `cd ${folder}`,
      'npm install',
      'npm test',
      'npm start',
    ]
    const seconds = await followed(`newcomer-${kind}`, commands)
    const total = seconds.reduce((sum, each) => sum + each, 0)
    lines.push(`| ${what} | ${commands.length} | ${seconds.map((each) => each.toFixed(1)).join(' + ')} | ${(total / 60).toFixed(1)} |`)
    const { shown } = table('stopwatch', [])
    if (!isWriting) expect(shown).toContain(`| ${what} | ${commands.length} |`)
  }
  console.log([...lines, machine].join('\n'))
  if (isWriting)
    writeFileSync(file, table('stopwatch', [...lines, '', `Measured with ${machine}; a registry on the same machine.`]).replaced)
})
