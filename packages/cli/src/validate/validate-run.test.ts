import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { servesim, temporaryFolder, writeFiles } from '../../test/command.js'
import { isPresent, recorded } from '../../test/recorded.js'
import { type Validation, validateRun } from './validate-run.js'

const cwd = temporaryFolder()
afterAll(() => rmSync(cwd, { recursive: true }))

const meta = {
  model: 'meta-llama/Llama-3.1-8B',
  vllm_version: '0.28.1',
  engine_kwargs: { tensor_parallel_size: 1, max_num_seqs: null },
  resolved_config: { max_num_seqs: 64 },
}

/** A recording of three requests, as a real one is laid out. */
function record(name: string, files: Record<string, unknown> = {}): string {
  const request = (i: number) => ({
    request_id: `bench-${i}`,
    input_toks: 20,
    output_toks: 3,
    arrival_time: 1000 + i,
    queued_ts: 5 + i,
    scheduled_ts: 5 + i,
    first_token_ts: 5.02 + i,
    last_token_ts: 5.04 + i,
  })
  writeFiles(join(cwd, name), {
    'config.json': { link_bw: 16, nodes: [{ instances: [{ hardware: 'H100', npu_mem: { mem_util: 0.8 } }] }] },
    'vllm/meta.json': meta,
    'vllm/requests.jsonl': [0, 1, 2].map((i) => JSON.stringify(request(i))).join('\n'),
    ...files,
  })
  return name
}

describe('validating a recorded run', () => {
  test('replays its requests under its settings and compares fifteen figures', async () => {
    const { code, stdout, stderr } = await servesim(cwd, 'validate', record('plain'), '--json')
    expect(code, stderr).toBe(0)
    const document = JSON.parse(stdout) as Validation
    expect(document.metrics).toHaveLength(15)
    expect(document.metrics.find((m) => m.metric === 'ttft' && m.stat === 'mean')!.measured).toBeCloseTo(20, 5)
    expect(document.metrics.find((m) => m.metric === 'tpot' && m.stat === 'p99')!.measured).toBeCloseTo(10, 5)
    expect(document).toMatchObject({
      requests: { arrived: 3, finished: 3 },
      settings: { device: 'H100', maxNumSeqs: 64, linkBytesPerSecond: 16 * 2 ** 30 },
      meanAbsErrorPct: expect.any(Number),
    })
    // mem_util belongs to LLMServingSim's own memory model.
    expect(document.settings.gpuMemoryUtilization).toBeUndefined()
    const words = document.assumptions.join(' ')
    expect(words).toContain('The text of the prompts is not known')
    expect(words).toContain('chosen by looking at recorded runs')
  })

  test('names the release that stands in for one that is not mimicked', async () => {
    const { assumptions } = await validateRun(record('release', { 'vllm/meta.json': { ...meta, vllm_version: '0.23.0' } }), { cwd })
    expect(assumptions.join(' ')).toMatch(/Scheduled like vLLM 0\.\d+; the run was recorded under 0\.23\.0/)
  })

  test('finds the identity of prompts in the dataset, where the lengths agree', async () => {
    const ids = Array.from({ length: 20 }, (_, i) => i)
    const line = (i: number, tokens = ids) =>
      JSON.stringify({ input_toks: tokens.length, output_toks: 3, arrival_time_ns: i, input_tok_ids: tokens })
    const withPath = { 'vllm/meta.json': { ...meta, dataset_path: 'workloads/set.jsonl' } }
    writeFiles(cwd, { 'workloads/set.jsonl': [line(0), line(1), line(2), line(3)].join('\n') })
    const hit = await validateRun(record('hit', withPath), { cwd })
    expect(hit.result.cachedTokens).toBe(32)
    writeFiles(cwd, { 'other.jsonl': [line(0, ids.slice(1)), line(1), line(2)].join('\n') })
    const miss = await validateRun('hit', { cwd, workload: 'other.jsonl' })
    expect(miss.result.cachedTokens).toBe(0)
    expect(miss.assumptions.join(' ')).toContain('The text of the prompts is not known')
  })

  test('replays dense replicas as independent ones', async () => {
    const folder = record('dense', { 'vllm/meta.json': { ...meta, engine_kwargs: { data_parallel_size: 2 } } })
    const { settings, result } = await validateRun(folder, { cwd })
    expect(settings).toMatchObject({ dataParallel: 2, expertParallel: false })
    expect(result.requests.finished).toBe(3)
    expect(result.steps.ruledOut).toEqual([])
  })

  test('--ablate leaves each mechanism out in turn', async () => {
    const { ablations } = await validateRun(record('ablate'), { cwd, ablate: true })
    expect(ablations.map((a) => a.without)).toEqual(['async-scheduling', 'prefix-caching', 'cuda-graphs', 'host-time', 'decode-straggler'])
    expect((await servesim(cwd, 'validate', 'ablate', '--ablate')).stdout).toContain('Error without')
  })

  test.each([
    ['a pipeline', { 'vllm/meta.json': { ...meta, engine_kwargs: { pipeline_parallel_size: 2 } } }, 'pipeline_parallel_size'],
    [
      'an expert divided over replicas',
      { 'vllm/meta.json': { ...meta, model: 'Qwen/Qwen3-30B-A3B', engine_kwargs: { data_parallel_size: 2 } } },
      'data_parallel_size',
    ],
    [
      'a dense model with shared experts',
      { 'vllm/meta.json': { ...meta, engine_kwargs: { data_parallel_size: 2, enable_expert_parallel: true } } },
      'the model is dense',
    ],
    ['a half-written meta.json', { 'vllm/meta.json': '{"model": ' }, 'meta.json'],
    ['a meta.json without a release', { 'vllm/meta.json': { model: 'x' } }, 'vllm_version is missing'],
    ['a half-written line', { 'vllm/requests.jsonl': '{"input_toks": 3' }, 'requests.jsonl:1'],
    [
      'a request without its first token',
      { 'vllm/requests.jsonl': '{"arrival_time": 1, "queued_ts": 1, "first_token_ts": null}' },
      'first_token_ts is null',
    ],
    ['no request', { 'vllm/requests.jsonl': '' }, 'SERVESIM_EMPTY_WORKLOAD'],
    ['an unknown device', { 'config.json': { hardware: 'ACME' } }, 'ACME'],
    ['no device', { 'config.json': {} }, '--device'],
  ])('%s is refused with a sentence', async (_, files, words) => {
    const { code, stderr } = await servesim(cwd, 'validate', record('bad', files))
    expect(code).toBe(2)
    expect(stderr).toContain(words)
  })
})

describe.skipIf(!isPresent)('the recorded Llama-3.1-8B run on an RTX PRO 6000', () => {
  let validation: Validation
  beforeAll(async () => {
    validation = await validateRun(recorded.denseRun, { cwd, profiles: [recorded.profiles] })
  })

  test('is replayed with its prefix hits', () => {
    expect(validation.result.requests).toEqual({ arrived: 300, finished: 300, refused: 0, aborted: 0, lost: 0 })
    // Counted by the recorded engine.
    expect(validation.result.cachedTokens).toBe(19_520)
  })

  test('measures what the recorder’s own summary says', () => {
    const measured = Object.fromEntries(validation.metrics.map((m) => [`${m.metric} ${m.stat}`, m.measured.toFixed(1)]))
    const summary = readFileSync(join(recorded.denseRun, 'validation/summary.txt'), 'utf8')
    for (const value of [measured['ttft mean'], measured['ttft p99'], measured['latency median'], measured['tpot p90']])
      expect(summary).toContain(value)
  })
})

describe.skipIf(!isPresent)('the recorded Qwen3-30B-A3B run on two RTX PRO 6000 that share the experts', () => {
  let validation: Validation
  beforeAll(async () => {
    validation = await validateRun(recorded.dataParallelRun, { cwd, profiles: [recorded.profiles], ablate: true })
  })

  test('comes out within 1.8 % on average and 8 % at most', () => {
    expect(validation.settings).toMatchObject({ dataParallel: 2, expertParallel: true, tensorParallel: 1 })
    expect(validation.result.requests).toEqual({ arrived: 300, finished: 300, refused: 0, aborted: 0, lost: 0 })
    expect(validation.metrics).toHaveLength(15)
    expect(validation.meanAbsErrorPct).toBeLessThan(1.8)
    expect(validation.maxAbsErrorPct).toBeLessThan(8)
  })

  test('steps together, which no ablation takes away, and is worse without asynchronous scheduling', () => {
    expect(validation.result.steps).toMatchObject({ fastShare: 0, ruledOut: [{ pool: 'pools[0]', by: ['data-parallel'] }] })
    const errors = Object.fromEntries(validation.ablations.map(({ without, meanAbsErrorPct }) => [without, meanAbsErrorPct]))
    expect(Object.keys(errors)).not.toContain('data-parallel')
    expect(errors['async-scheduling']).toBeGreaterThan(2 * validation.meanAbsErrorPct)
  })
})
