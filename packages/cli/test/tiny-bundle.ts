import type { Bundle, OperatorSamples } from '@servesim/profile'

const rows = (operator: string, us: number, perRow: number): OperatorSamples => ({
  operator,
  rows: Float64Array.of(1, 4096),
  latencyUs: Float64Array.of(us, us + 4095 * perRow),
})

/** Llama-3.1-8B on a chip that no plugin knows, by round numbers. */
export const tinyBundle: Bundle = {
  manifest: {
    schemaVersion: 1,
    device: 'tiny-chip',
    chip: {
      vendor: 'Acme',
      memoryBytes: 48e9,
      memoryBytesPerSecond: 1.2e12,
      bf16FlopPerSecond: 4e14,
      streamingMultiprocessors: 100,
      source: 'invented',
    },
    model: 'meta-llama/Llama-3.1-8B',
    dtype: 'bf16',
    kvCacheDtype: 'auto',
    tensorParallel: [1],
    engine: { name: 'vllm', release: '0.19.0' },
    software: {},
    profiler: { name: 'by hand', release: '1' },
    measurementIterations: 1,
    units: { latency: 'us' },
    launch: 'graph',
    straggler: { enabled: false },
    notes: [],
  },
  shards: [
    {
      tensorParallel: 1,
      tokens: [
        rows('embedding', 3, 0.015),
        rows('layernorm', 3, 0.02),
        rows('qkv_proj', 50, 0.14),
        rows('rotary_emb', 3, 0.02),
        rows('o_proj', 35, 0.1),
        rows('gate_up_proj', 220, 0.65),
        rows('act_fn', 3, 0.05),
        rows('down_proj', 110, 0.33),
        rows('final_layernorm', 3, 0.02),
      ],
      sequences: [rows('lm_head', 1000, 2), rows('sampler', 30, 0.6)],
      attention: {
        newTokens: Float64Array.of(0, 0, 0, 0, 128, 128, 2048, 2048),
        context: Float64Array.of(0, 0, 0, 0, 0, 8192, 0, 8192),
        decodes: Float64Array.of(1, 1, 256, 256, 0, 0, 0, 0),
        decodeContext: Float64Array.of(128, 8192, 128, 8192, 0, 0, 0, 0),
        latencyUs: Float64Array.of(6, 40, 150, 7500, 12, 160, 700, 4800),
      },
    },
  ],
  collectives: [],
}
