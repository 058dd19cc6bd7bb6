import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { type Outcome, servesim, temporaryFolder, writeFiles } from '../test/command.js'

const root = temporaryFolder()
afterAll(() => rmSync(root, { recursive: true }))

let count = 0
let cwd: string
beforeEach(() => {
  cwd = join(root, String(count++))
  writeFiles(cwd, { '.keep': '' })
})

const run = (...args: string[]) => servesim(cwd, 'run', '--requests', '20', ...args)

interface Document {
  requests: { arrived: number; finished: number; refused: number }
  metrics: { metric: string; stat: string; value: number | null }[]
  run: {
    name: string
    seed: number
    pools: { model: string; device: string; release: string; replicas: number; techniques: string[]; kvBlocks: number }[]
  }
  refusals: { promptTokens: number }[]
  tokens: { prompt: number; cached: number }
}

async function document(...args: string[]): Promise<Document> {
  const { code, stdout, stderr } = await run('--json', ...args)
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout) as Document
}

describe('servesim run', () => {
  test('prints a table a person can read and writes a results folder', async () => {
    const { code, stdout, stderr } = await run()
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const words of [
      'TTFT',
      'TPOT',
      'ITL',
      'Latency',
      'P99',
      'Throughput',
      'KV cache',
      'by operator class',
      'What it rests on',
      'Assumptions',
    ])
      expect(stdout).toContain(words)
    for (const line of stdout.split('\n')) expect([...line].length, line).toBeLessThanOrEqual(100)
    const folder = join(cwd, 'servesim-results/default')
    expect(readdirSync(folder).sort()).toEqual(['requests.csv', 'scenario.json', 'summary.json', 'summary.txt'])
    expect(readFileSync(join(folder, 'requests.csv'), 'utf8').trim().split('\n')).toHaveLength(21)
  })

  test('with --json prints exactly one document and writes nothing', async () => {
    const result = await document()
    expect(result).toMatchObject({
      schemaVersion: 1,
      requests: { arrived: 20, finished: 20, refused: 0, aborted: 0, lost: 0 },
      steps: { total: expect.any(Number), fastShare: expect.any(Number) },
      throughput: {},
      provenance: { analytic: 1 },
      assumptions: expect.any(Array),
      wallMs: expect.any(Number),
    })
    expect(new Set(result.metrics.map((m) => m.metric))).toEqual(new Set(['ttft', 'tpot', 'itl', 'latency']))
    expect(new Set(result.metrics.map((m) => m.stat))).toEqual(new Set(['mean', 'median', 'p90', 'p95', 'p99']))
    expect(result.metrics.every((m) => m.value !== null && m.value > 0)).toBe(true)
    expect(existsSync(join(cwd, 'servesim-results'))).toBe(false)
  })

  test('writes equal bytes for equal runs, others for another seed, and its scenario can be run again', async () => {
    await run('-o', 'a')
    await run('-o', 'b')
    await run('-o', 'c', '--seed', '1')
    await run('-o', 'd', 'a/scenario.json')
    const read = (folder: string, file: string) => readFileSync(join(cwd, folder, file), 'utf8')
    for (const file of ['summary.json', 'summary.txt', 'requests.csv', 'scenario.json']) {
      expect(read('b', file)).toBe(read('a', file))
      expect(read('d', file)).toBe(read('a', file))
    }
    expect(read('c', 'requests.csv')).not.toBe(read('a', 'requests.csv'))
  })

  test('flags count more than the file, the file more than the defaults', async () => {
    writeFiles(cwd, { 'servesim.yaml': 'name: mine\nseed: 3\npools: [{ count: 2, scheduler: { release: "0.28" } }]' })
    const { run: fromFile } = await document()
    expect(fromFile).toMatchObject({ name: 'mine', seed: 3, pools: [{ replicas: 2, release: '0.28', model: 'meta-llama/Llama-3.1-8B' }] })
    const flagged = await document(
      '--seed',
      '4',
      '--replicas',
      '3',
      '--model',
      'Qwen3-8B',
      '--device',
      'l40s',
      '--set',
      'pools[0].scheduler.release=0.19',
    )
    expect(flagged.run).toMatchObject({ seed: 4, pools: [{ replicas: 3, release: '0.19', model: 'Qwen/Qwen3-8B', device: 'l40s' }] })
  })

  test('takes vLLM flags, technique flags and --use', async () => {
    const { run } = await document(
      '--num-gpu-blocks-override',
      '4001',
      '--max-num-seqs',
      '8',
      '--no-enable-prefix-caching',
      '--enforce-eager',
      '--use',
      'host-time:mixedStepMs=5',
    )
    expect(run.pools[0]).toMatchObject({ kvBlocks: 4000, techniques: ['host-time', 'decode-straggler'] })
    const one = await document('--no-host-time', '--no-decode-straggler', '--use', 'round-robin', '--replicas', '2')
    expect(one.run.pools[0]!.techniques).toEqual(['prefix-caching', 'cuda-graphs'])
  })

  test('a tensor-parallel replica pays for its collectives', async () => {
    expect(await document('--tp', '2')).toMatchObject({ time: { byClass: { collective: expect.any(Number) } } })
  })

  test('replays a trace, its first requests, and at another rate', async () => {
    const line = (i: number) => JSON.stringify({ input_toks: 100 + i, output_toks: 5, arrival_time_ns: i * 1e9 })
    writeFiles(cwd, { 'trace.txt': Array.from({ length: 30 }, (_, i) => line(i)).join('\n') })
    const args = ['run', '--json', '--workload', 'trace.txt']
    const all = JSON.parse((await servesim(cwd, ...args)).stdout) as Document & { throughput: { durationS: number } }
    expect(all.requests.finished).toBe(30)
    const fast = JSON.parse((await servesim(cwd, ...args, '--requests', '11', '--rate', '10')).stdout) as typeof all
    expect(fast.requests.finished).toBe(11)
    expect(fast.throughput.durationS).toBeGreaterThan(1)
    expect(fast.throughput.durationS).toBeLessThan(1.1)
  })

  test('generators take options', async () => {
    const { tokens } = await document('--workload', 'fixed-rate:promptTokens=100,outputTokens=7')
    expect(tokens.prompt).toBe(2000)
    expect((await document('--workload', 'poisson:promptTokens={"uniform":[10,10]}')).tokens.prompt).toBe(200)
  })

  test('a request that can never fit is refused and listed, the others are served', async () => {
    const line = (prompt: number, i: number) => JSON.stringify({ input_toks: prompt, output_toks: 5, arrival_time_ns: i })
    writeFiles(cwd, { 'some.jsonl': [line(10, 0), line(200_000, 1)].join('\n'), 'all.jsonl': line(200_000, 0) })
    const some = await servesim(cwd, 'run', '--json', '--workload', 'some.jsonl')
    expect(some.code).toBe(0)
    expect(JSON.parse(some.stdout)).toMatchObject({
      requests: { arrived: 2, finished: 1, refused: 1 },
      refusals: [{ promptTokens: 200_000 }],
    })
    expect((await servesim(cwd, 'run', '--json', '--workload', 'some.jsonl', '--strict')).code).toBe(2)
    const all = await servesim(cwd, 'run', '--workload', 'all.jsonl')
    expect(all.code).toBe(2)
    expect(all.stdout).toContain('200,000 prompt')
    expect(all.stderr).toContain('1 of 1 requests were refused')
  })

  test('a plugin of one file outside any project can be used', async () => {
    writeFiles(cwd, {
      'first.mjs': `import { z } from ${JSON.stringify(import.meta.resolve('zod'))}
        export const plugin = { name: 'router-first', setup(host) {
          host.provide({ id: 'servesim/router', contract: 1, cardinality: 'named', scope: 'cluster' }, {
            name: 'first', description: 'Always the first replica.', options: z.strictObject({}), build: () => ({ reads: 'shape', route: () => 0 }) }) } }`,
    })
    const { run } = await document('--plugin', './first.mjs', '--use', 'first', '--replicas', '2')
    expect(run.pools[0]!.replicas).toBe(2)
  })
})

describe('bad input', () => {
  const cases: [string, string[], Record<string, unknown>, string[]][] = [
    ['an unknown command', ['rn'], {}, ['run']],
    ['an unknown flag', ['run', '--modle', 'x'], {}, ['--model']],
    ['an unknown model', ['run', '--model', 'Llama-3.1-9B'], {}, ['pools[0].model', 'Llama-3.1-8B']],
    ['an unknown device', ['run', '--device', 'h100-sxn'], {}, ['pools[0].device', 'h100-sxm']],
    ['an unknown plugin', ['run', '--use', 'least-loded'], {}, ['least-loaded']],
    ['an unknown plugin package', ['run', '--plugin', 'servesim-nothing'], {}, ['npm install servesim-nothing']],
    ['an unknown option', ['run', '--set', 'pools[0].scheduler.maxNumSeq=3'], {}, ['pools[0].scheduler.maxNumSeq', 'maxNumSeqs']],
    ['an unknown generator', ['run', '--workload', 'posson'], {}, ['poisson']],
    ['a missing trace', ['run', '--workload', './none.jsonl'], {}, ['none.jsonl']],
    [
      'a malformed trace line',
      ['run', '--workload', 't'],
      { t: '{"input_toks": 1, "output_toks": 1, "arrival_time_ns": 0}\n{"input_toks": -1' },
      ['t:2'],
    ],
    ['an empty trace', ['run', '--workload', 't'], { t: '\n' }, ['SERVESIM_EMPTY_WORKLOAD']],
    ['a half-written scenario', ['run', 's.json'], { 's.json': '{"seed": ' }, ['s.json:1', 'cut off']],
    ['a value of the wrong type', ['run', '--rate', 'fast'], {}, ['workload.ratePerSecond']],
    ['a rate where there is none', ['run', '--workload', 'closed-loop', '--rate', '3'], {}, ['--rate']],
    ['no bundle', ['run', '--profile', '.'], {}, ['SERVESIM_BAD_BUNDLE']],
    ['a bundle that is cut off', ['run', '--profile', 'b'], { 'b/bundle.json': '{"schemaVersion": 1,' }, ['b', 'SERVESIM_BAD_BUNDLE']],
    ['an output folder that is a file', ['run', '-o', 'f'], { f: '' }, ['f']],
    ['a model that does not fit', ['run', '--model', 'Llama-3.1-70B'], {}, ['SERVESIM_OUT_OF_MEMORY', 'GiB']],
    ['a folder that is no recorded run', ['validate', '.'], {}, ['meta.json']],
    ['no run to validate', ['validate'], {}, ['servesim validate <run>']],
    ['an unknown importer', ['profile', 'import', 'llmservinsim', '.', '-o', 'x'], {}, ['llmservingsim']],
  ]
  test.each(cases)('%s: a sentence, exit code 2, no stack', async (_, args, files, words) => {
    writeFiles(cwd, files)
    const { code, stdout, stderr }: Outcome = await servesim(cwd, ...args)
    expect(code, stderr).toBe(2)
    expect(stdout).toBe('')
    for (const word of words) expect(stderr).toContain(word)
    expect(stderr).not.toMatch(/^ +at /m)
    expect(stderr).not.toContain('defect')
  })

  test('an unforeseen error is one line, with the stack only where it is asked for', async () => {
    writeFiles(cwd, { 'broken.mjs': 'export default { name: "broken", setup() { throw new TypeError("boom") } }' })
    const plain = await servesim(cwd, 'run', '--plugin', './broken.mjs')
    expect(plain.code).toBe(1)
    expect(plain.stderr).toMatch(/^boom\nThis is a defect .* --debug\.\n$/)
    expect((await servesim(cwd, '--debug', 'run', '--plugin', './broken.mjs')).stderr).toMatch(/\n +at /)
  })
})

describe('lists and schema', () => {
  test.each(['devices', 'models', 'plugins'])('%s: a table, or JSON', async (command) => {
    const { code, stdout } = await servesim(cwd, command)
    expect(code).toBe(0)
    for (const line of stdout.split('\n')) expect([...line].length, line).toBeLessThanOrEqual(100)
    expect(JSON.parse((await servesim(cwd, command, '--json')).stdout)).not.toEqual([])
  })

  test('the schema is JSON and knows the options of plugins', async () => {
    const { stdout } = await servesim(cwd, 'schema')
    expect(JSON.stringify(JSON.parse(stdout))).toContain('maxNumBatchedTokens')
  })

  test.each([[], ['--help'], ['run', '--help'], ['validate', '--help'], ['profile'], ['profile', 'import', '--help']])(
    '%j shows help and exits with 0',
    async (...args) => {
      const { code, stdout, stderr } = await servesim(cwd, ...(args as string[]))
      expect(code).toBe(0)
      expect(stdout + stderr).toContain('Usage: servesim')
    },
  )
})
