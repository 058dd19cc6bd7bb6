import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { blocksBelow } from './markdown.js'
import { buildCommandLine, commandsOf, link, root, servesim, writeShown } from './workspace.js'

// What CONTRIBUTING.md says of devices, techniques and plugins from outside, done in a project of its own.

const page = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8')
const section = (heading: string) => blocksBelow(page, heading)
const device = section('## Add a device from data')
const technique = section('## Add a technique')
const outside = section('## A plugin of your own, outside this repository')
const project = mkdtempSync(join(tmpdir(), 'servesim-outside-'))

beforeAll(() => {
  buildCommandLine()
  writeFileSync(
    join(project, 'package.json'),
    '{ "type": "module", "dependencies": { "servesim": "*", "@servesim/core": "*", "zod": "*" } }\n',
  )
  link(project, ['servesim', '@servesim/core', 'zod'])
  for (const blocks of [device, technique, outside]) writeShown(project, blocks)
}, 60_000)

afterAll(() => rmSync(project, { recursive: true, force: true }))

/** What the commands print; those with a name in angle brackets are left to the reader. */
function outputs(blocks: ReturnType<typeof section>): string[] {
  return commandsOf(blocks)
    .filter((command) => !command.includes('<'))
    .map((command) => {
      const { code, output } = servesim(project, command)
      expect(code, `${command}\n${output}`).toBe(0)
      return output
    })
}

test('a device of data only is inspected and simulated', () => {
  const [inspected, simulated] = outputs(device)
  expect(inspected).toContain('acme-1')
  expect(simulated).toContain('on 1 × acme-1')
  expect(simulated).toContain('Memory of a device: 43.2 GiB usable')
  expect(simulated).toMatch(/interpolated +\d|interpolated \d/)
})

test('a technique of one file slows the device down', () => {
  const [slowed] = outputs(technique)
  const plain = servesim(project, 'npx servesim run').output
  const meanTpotMs = (text: string) => Number(/^TPOT +([\d.]+)/m.exec(text)?.[1])
  expect(slowed).toContain('power-cap')
  expect(meanTpotMs(slowed!)).toBeGreaterThan(1.8 * meanTpotMs(plain))
})

test('a router of at most 40 lines serves two replicas, on an installed device and on one of data', () => {
  const [file] = outside.filter(({ file }) => file === 'router.mjs')
  expect(file!.text.trimEnd().split('\n').length).toBeLessThanOrEqual(40)
  const [analytic, measured] = outputs(outside)
  expect(analytic).toContain('on 2 × h100-sxm')
  expect(measured).toContain('on 2 × acme-1')
})
