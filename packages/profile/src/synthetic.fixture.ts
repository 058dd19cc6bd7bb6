import type { AttentionSamples, Bundle } from './bundle.js'

/** A kernel whose time is a launch, its prefill's work q(k + q/2) and its decodes' contexts; all the rules are exact on it. */
export function workLawUs(newTokens: number, context: number, decodes: number, decodeContext: number): number {
  return 4 + newTokens * (context + newTokens / 2) * 1e-3 + decodes * (0.5 + decodeContext * 2e-3)
}

/** @param rows new tokens, context, decodes, decode context */
export function samplesOf(rows: readonly (readonly number[])[]): AttentionSamples {
  const column = (i: number) => Float64Array.from(rows, (row) => row[i]!)
  return {
    newTokens: column(0),
    context: column(1),
    decodes: column(2),
    decodeContext: column(3),
    latencyUs: Float64Array.from(rows, ([q, k, n, d]) => workLawUs(q!, k!, n!, d!)),
  }
}

/** A small bundle at TP 1 and 2 with every kind of table. */
export function syntheticBundle(): Bundle {
  const rows = Float64Array.of(1, 8, 64)
  const operator = (name: string, perRowUs: number) => ({ operator: name, rows, latencyUs: rows.map((r) => 2 + r * perRowUs) })
  const attention = samplesOf([
    ...[1, 8].flatMap((n) => [16, 1024].map((d) => [0, 0, n, d])),
    ...[16, 64].flatMap((q) =>
      [0, 512, 1024].flatMap((k) => [[q, k, 0, 0], ...[1, 8].flatMap((n) => [16, 1024].map((d) => [q, k, n, d]))]),
    ),
  ])
  const shard = (tensorParallel: number) => ({
    tensorParallel,
    tokens: [operator('qkv_proj', 0.5 / tensorParallel), operator('layernorm', 0.125)],
    sequences: [operator('lm_head', 1 / tensorParallel)],
    attention,
  })
  return {
    manifest: {
      schemaVersion: 1,
      device: 'test-chip',
      deviceName: 'Test Chip 1',
      model: 'org/Tiny',
      dtype: 'bf16',
      kvCacheDtype: 'auto',
      tensorParallel: [1, 2],
      engine: { name: 'vllm', release: '0.19.0' },
      software: { cuda: '13.0' },
      measuredAt: '2026-04-24T12:44:27+00:00',
      profiler: { name: 'by-hand', release: '1' },
      measurementIterations: 3,
      units: { latency: 'us' },
      launch: 'eager',
      maxBatchedTokens: 64,
      maxSequences: 8,
      straggler: { enabled: true },
      mixedStepHostMs: 12.5,
      collectivesRelease: '0.28',
      notes: ['Made up for tests.'],
    },
    shards: [shard(1), shard(2)],
    moe: {
      tokens: Float64Array.of(1, 64, 2, 64),
      activatedExperts: Float64Array.of(2, 2, 4, 4),
      latencyUs: Float64Array.of(10, 73, 20, 82),
    },
    collectives: [
      { collective: 'all-reduce', ranks: 2, bytes: Float64Array.of(4096, 8192), latencyUs: Float64Array.of(10.495, 12.713) },
      { collective: 'all-gather', ranks: 2, bytes: Float64Array.of(4096), latencyUs: Float64Array.of(9.831) },
    ],
  }
}
