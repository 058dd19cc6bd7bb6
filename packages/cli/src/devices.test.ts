import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { formatBundle } from '@servesim/profile'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { servesim, temporaryFolder, writeFiles } from '../test/command.js'
import { tinyBundle } from '../test/tiny-bundle.js'

const root = temporaryFolder()
afterAll(() => rmSync(root, { recursive: true }))

let count = 0
let cwd: string
const figures = { vendor: 'Acme', memory: '48GB', memoryBandwidth: '1.2TB/s', bf16: '400TFLOPS' }
beforeEach(() => {
  cwd = join(root, String(count++))
  const files = Object.entries(formatBundle(tinyBundle)).map(([file, text]) => [`measured/${file}`, text])
  writeFiles(cwd, {
    'acme-1/device.json': JSON.stringify(figures),
    'broken/device.json': '{',
    'empty/notes.txt': '',
    ...Object.fromEntries(files),
  })
})

async function run(...args: string[]) {
  const { code, stdout, stderr } = await servesim(cwd, 'run', '--requests', '20', '--json', ...args)
  expect(code, stderr).toBe(0)
  const document = JSON.parse(stdout)
  const mean = (name: string): number =>
    document.metrics.find(({ metric, stat }: { metric: string; stat: string }) => metric === name && stat === 'mean').value
  return { pool: document.run.pools[0], assumptions: document.assumptions as string[], provenance: document.provenance, mean }
}

describe('a device that is a folder', () => {
  test('of five lines of figures is served on, from the command line and from a scenario file beside it', async () => {
    const { pool, assumptions } = await run('--device', './acme-1')
    expect(pool.device).toBe('acme-1')
    expect(assumptions).toContain('Figures of "acme-1" are those of its device.json.')
    writeFiles(cwd, { 'scenarios/acme.yaml': 'pools: [{ device: ../acme-1 }]\n' })
    expect((await run('scenarios/acme.yaml')).pool.device).toBe('acme-1')
  })

  test('of measured latencies names its model and needs no figures but those of its bundle', async () => {
    const { pool, provenance } = await run('--device', './measured')
    expect(pool).toMatchObject({ device: 'tiny-chip', model: 'meta-llama/Llama-3.1-8B' })
    expect(provenance.analytic ?? 0).toBe(0)
  })

  test('may be the .ini of a DRAM simulator', async () => {
    const sections = {
      dram_structure: 'protocol = DDR4\nbankgroups = 2\nbanks_per_group = 4\nrows = 65536\ncolumns = 1024\ndevice_width = 16\nBL = 8',
      timing: 'tCK = 0.63 # ns\nCL = 22\ntRCD = 22\ntRP = 22\ntRFC = 560\ntREFI = 12480\ntCCD_S = 4\ntCCD_L = 8',
      system: 'channel_size = 8192\nbus_width = 64',
      other: 'data_rate = 3200',
    }
    const ini = (part: Record<string, string>) =>
      Object.entries(part)
        .map(([name, lines]) => `[${name}]\n${lines}\n`)
        .join('')
    writeFiles(cwd, { 'ddr4.ini': ini(sections), 'broken.ini': ini({ ...sections, other: '' }) })
    const { pool, assumptions } = await run('--device', './ddr4.ini', '--set', 'device.channels=32')
    expect(pool.device).toBe('ddr4.ini')
    expect(assumptions[0]).toContain('32 channels, each streaming 11.63 GB/s')
    const { code, stderr } = await servesim(cwd, 'run', '--device', './broken.ini')
    expect(code).toBe(2)
    expect(stderr).toContain('[other] data_rate is missing')
  })

  test.each([
    ['./nowhere', 'There is no such folder.'],
    ['./empty', 'neither a device.json nor a bundle'],
    ['./broken', 'no JSON'],
  ])('%s is refused with a sentence', async (folder, sentence) => {
    const { code, stderr } = await servesim(cwd, 'run', '--device', folder)
    expect(code).toBe(2)
    expect(stderr).toContain('SERVESIM_BAD_FILE')
    expect(stderr).toContain(sentence)
  })
})

describe('what if', () => {
  test('doubles the bandwidth of an analytic chip, of one in a folder, and of measured latencies', async () => {
    for (const device of ['h100', './acme-1', './measured']) {
      const [before, after] = [
        await run('--device', device),
        await run('--device', device, '--set', 'device.hbmBandwidth=2x,device.bf16=2x'),
      ]
      expect(after.mean('tpot'), device).toBeLessThan(0.9 * before.mean('tpot'))
      expect(after.assumptions[0]).toMatch(/^What if: memoryBytesPerSecond .* → .*, bf16FlopPerSecond/)
    }
    expect((await run('--device', './measured', '--set', 'device.hbmBandwidth=2x')).provenance.measured ?? 0).toBe(0)
  })

  test('a figure that is unknown cannot be multiplied', async () => {
    const { code, stderr } = await servesim(cwd, 'run', '--device', './acme-1', '--set', 'device.interconnect=2x')
    expect(code).toBe(2)
    expect(stderr).toContain('linkBytesPerSecond of "acme-1" is unknown')
  })
})

describe('servesim sensitivity', () => {
  test('says which figure buys how much, the best first', async () => {
    const { code, stdout } = await servesim(cwd, 'sensitivity', '--device', './acme-1', '--requests', '20', '--by', '2x')
    expect(code).toBe(0)
    const rows = stdout.split('\n').map((line) => line.split(/\s{2,}/))
    expect(rows[0]).toEqual(['Figure of acme-1', 'now', '× 2', 'TTFT', 'TPOT', 'throughput'])
    expect(rows[2]!.slice(0, 3)).toEqual(['memoryBytesPerSecond', '1.2 TB/s', '2.4 TB/s'])
    expect(Number.parseFloat(rows[2]![4]!)).toBeLessThan(-30)
    expect(Number.parseFloat(rows[2]![5]!)).toBeGreaterThan(10)
  })

  test('as JSON, with what measured latencies say nothing about left out', async () => {
    const { stdout } = await servesim(cwd, 'sensitivity', '--device', './measured', '--requests', '10', '--json')
    const { figures: found, leftOut, factor } = JSON.parse(stdout)
    expect(factor).toBeCloseTo(1.1)
    expect(found.map(({ figure }: { figure: string }) => figure)).toContain('memoryBytesPerSecond')
    expect(leftOut).toEqual([{ figure: 'streamingMultiprocessors', reason: expect.stringContaining('measured') }])
  })

  test.each(['10', '0x', '100 apples'])('--by %s is refused', async (by) =>
    expect((await servesim(cwd, 'sensitivity', '--by', by)).code).toBe(2),
  )
})
