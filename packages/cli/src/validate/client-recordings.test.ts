import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { servesim, temporaryFolder, writeFiles } from '../../test/command.js'
import { recorded } from '../../test/recorded.js'
import { readClientRecording } from './client-recordings.js'
import { validateRun } from './validate-run.js'

const cwd = temporaryFolder()
afterAll(() => rmSync(cwd, { recursive: true }))

const bench = {
  model_id: 'meta-llama/Llama-3.1-8B',
  mean_ttft_ms: 1,
  input_lens: [100, 200, 50],
  output_lens: [3, 2, 0],
  ttfts: [0.02, 0.03, 0],
  itls: [[0.01, 0.01], [0.012], []],
  start_times: [100, 100.5, 101],
  errors: ['', '', 'timed out'],
}

/** As AIPerf's documentation shows a record. */
const record = (i: number, metadata = {}, error: unknown = null) => ({
  metadata: { request_start_ns: 1e18 + i * 5e8, benchmark_phase: 'profiling', was_cancelled: false, ...metadata },
  metrics: {
    input_sequence_length: { value: 100, unit: 'tokens' },
    output_sequence_length: { value: 5, unit: 'tokens' },
    time_to_first_token: { value: 20, unit: 'ms' },
    request_latency: { value: 60, unit: 'ms' },
  },
  error,
})

writeFiles(cwd, {
  'bench.json': bench,
  'appended.json': `${JSON.stringify({ ...bench, input_lens: [] })}\n${JSON.stringify(bench)}\n`,
  'short.json': { ...bench, itls: undefined, start_times: undefined },
  'uneven.json': { ...bench, ttfts: [0.1] },
  'other.json': { hello: 'world' },
  'profile_export.jsonl': [
    record(0),
    record(1),
    record(2, { was_cancelled: true }),
    record(3, { benchmark_phase: 'warmup' }),
    record(4, {}, { code: 500 }),
  ]
    .map((line) => JSON.stringify(line))
    .join('\n'),
})

describe('results of load generators', () => {
  test('of vllm bench serve are read request by request, failures left out', () => {
    const { tool, model, requests, leftOut } = readClientRecording(join(cwd, 'bench.json'))
    expect({ tool, model, leftOut }).toEqual({ tool: 'vllm bench serve', model: 'meta-llama/Llama-3.1-8B', leftOut: 1 })
    expect(requests).toHaveLength(2)
    expect(requests[0]).toMatchObject({ promptTokens: 100, outputTokens: 3, arrivalS: 100, firstTokenS: 100.02 })
    expect(requests[0]!.lastTokenS).toBeCloseTo(100.04, 9)
    expect(readClientRecording(join(cwd, 'appended.json')).requests).toEqual(requests)
  })

  test('of AIPerf are read record by record, warm-up and cancelled ones left out', () => {
    const { tool, requests, leftOut } = readClientRecording(join(cwd, 'profile_export.jsonl'))
    expect({ tool, leftOut, count: requests.length }).toEqual({ tool: 'AIPerf', leftOut: 3, count: 2 })
    expect(requests[1]!.arrivalS - requests[0]!.arrivalS).toBeCloseTo(0.5, 6)
    expect(requests[0]!.lastTokenS - requests[0]!.arrivalS).toBeCloseTo(0.06, 6)
  })

  test('are replayed and compared from the instant of sending', async () => {
    const { code, stdout, stderr } = await servesim(cwd, 'validate', 'bench.json', '--device', 'h100', '--json', '--max-num-seqs', '8')
    expect(code, stderr).toBe(0)
    const document = JSON.parse(stdout)
    expect(document.requests).toMatchObject({ arrived: 2, finished: 2 })
    expect(document.settings).toMatchObject({ maxNumSeqs: 8, tensorParallel: 1 })
    expect(document.metrics.find((m: { metric: string; stat: string }) => m.metric === 'ttft' && m.stat === 'mean').measured).toBeCloseTo(
      25,
      6,
    )
    expect(document.assumptions.join(' ')).toContain("Times are the client's (vllm bench serve)")
    const named = await validateRun('profile_export.jsonl', { cwd, device: 'h100', engine: { model: 'Qwen3-8B', release: '0.19.0' } })
    expect(named.settings).toMatchObject({ model: 'Qwen3-8B', vllmRelease: '0.19.0' })
    expect(named.metrics.find((m) => m.metric === 'tpot' && m.stat === 'mean')!.measured).toBeCloseTo(10, 6)
  })

  test.each([
    ['short.json', 'no itls, start_times', '--save-detailed'],
    ['uneven.json', 'input_lens has 3 entries, ttfts 1', ''],
    ['other.json', 'neither a result of vllm bench serve nor', ''],
    ['profile_export.jsonl', 'does not record which model', '--model'],
  ])('%s is refused: %s', async (file, words, hint) => {
    const { code, stderr } = await servesim(cwd, 'validate', file, '--device', 'h100')
    expect(code).toBe(2)
    expect(stderr).toContain(words)
    expect(stderr).toContain(hint)
  })

  const samples = recorded.formats
  test.skipIf(!existsSync(samples))('as other tools wrote them', () => {
    const file = join(samples, 'aiperf/profile_export.jsonl')
    expect(readClientRecording(file)).toMatchObject({ tool: 'AIPerf', leftOut: 1, requests: [{ promptTokens: 550, outputTokens: 9 }] })
    const summary = join(samples, 'vllm-bench/openai-1.0qps-Qwen3-VL-8B-Instruct-20260722-041843.json')
    expect(() => readClientRecording(summary)).toThrow('no input_lens, output_lens, ttfts, itls, start_times')
  })
})
