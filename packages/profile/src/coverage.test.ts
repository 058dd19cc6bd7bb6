import type { OperatorGraph } from '@servesim/core'
import { expect, test } from 'vitest'
import { coverageOf } from './coverage.js'
import { syntheticBundle } from './synthetic.fixture.js'

const gemm = { kind: 'gemm', class: 'linear', n: 8, k: 8, weightBytesPerElement: 2, activationBytesPerElement: 2, repeat: 1 } as const
const graph: OperatorGraph = {
  operators: [
    { ...gemm, name: 'qkv_proj', rows: 'tokens' },
    { ...gemm, name: 'gate_up_proj', rows: 'tokens' },
    { ...gemm, name: 'lm_head', rows: 'sequences' },
    { kind: 'attention', name: 'attention', class: 'attention', repeat: 1, heads: 1, kvHeads: 1, headDim: 8, kvBytesPerElement: 2 },
  ],
  collectives: [{ name: 'a', collective: 'all-reduce', ranks: 2, rows: 'tokens', bytesPerRow: 128, repeat: 1 }],
  layers: 1,
  weightBytes: 1,
  kvBytesPerToken: 1,
  activationBytesPerToken: 1,
  outputBytesPerToken: 1,
  samplingBytesPerSequence: 1,
}

test('names what no table covers, and how far each axis reaches', () => {
  const report = coverageOf(syntheticBundle(), graph, 2, { maxBatchedTokens: 64, maxSequences: 8, maxContext: 4096 })
  expect(report.map(({ operator, table, state }) => `${operator} ${table} ${state}`)).toEqual([
    'qkv_proj tp2/tokens.csv covered',
    'gate_up_proj tp2/tokens.csv missing',
    'lm_head tp2/sequences.csv covered',
    'attention tp2/attention.csv reaches too short',
    'all-reduce (2 ranks) collectives.csv covered',
  ])
  expect(report[3]!.axes).toEqual([
    { name: 'newTokens', measured: 64, asked: 64 },
    { name: 'context', measured: 1024, asked: 4095 },
    { name: 'decodes', measured: 8, asked: 8 },
    { name: 'decodeContext', measured: 1024, asked: 4095 },
  ])
  expect(coverageOf(syntheticBundle(), graph, 4, { maxBatchedTokens: 64, maxSequences: 8, maxContext: 64 })[0]).toMatchObject({
    state: 'missing',
  })
})
