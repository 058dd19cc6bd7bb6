import { type AttentionLatency, type CompiledDevice, type Device, definePlugin, device, type Latency } from '@servesim/core'
import { z } from 'zod'

const ns = z.number().min(0).max(1e9)

const options = z.strictObject({
  stepNs: ns.default(1000).describe('Every step, once per sequence-wise operator'),
  tokenNs: ns.default(10).describe('Every scheduled token, in each token-wise operator'),
  sequenceNs: ns.default(7).describe('Every scheduled sequence, in each sequence-wise operator'),
  contextNs: ns.default(0.13).describe('Every token of context that a sequence attends to, per attention call'),
  memoryBytes: z
    .number()
    .min(1)
    .default(2 ** 30)
    .describe('Device memory'),
})

export type ToyDeviceOptions = z.output<typeof options>

/** A device whose latency is affine in tokens, sequences and contexts, so that expected times can be worked out by hand. */
export const toyDevices = definePlugin('toy-device', (host) => {
  host.provide(device, {
    name: 'toy-device',
    description: 'Latency affine in tokens, sequences and contexts.',
    options,
    build: (own) => toyDevice(own),
  })
})

function toyDevice({ stepNs, tokenNs, sequenceNs, contextNs, memoryBytes }: ToyDeviceOptions): Device {
  return {
    spec: {
      name: 'toy-device',
      vendor: 'toy',
      memoryBytes,
      memoryBytesPerSecond: 1e12,
      bf16FlopPerSecond: 1e14,
      linkBytesPerSecond: 1e11,
      linkKind: 'nvlink',
      source: 'invented',
    },
    collectives: [],
    straggler: { streamingMultiprocessors: 4, blockNsPerContextToken: contextNs, sharedNsPerContextToken: contextNs, source: 'invented' },
    compile: (): CompiledDevice => ({
      latency: (operator, rows) => {
        const sequenceWise = operator.kind !== 'moe' && operator.rows === 'sequences'
        return analytic(sequenceWise ? stepNs + sequenceNs * rows : tokenNs * rows)
      },
      attention: toyAttention(contextNs),
      assumptions: ['The toy device stands for no real one.'],
    }),
  }
}

/** Decode costs `contextNs` per context token of every sequence; a chunk of q tokens behind k costs that of Σ(k + i) = q·k + q²/2. */
function toyAttention(contextNs: number): AttentionLatency {
  const contextTokens = Float64Array.of(0, 64, 1024)
  return {
    contextTokens,
    // Beyond the last but one entry, so that tests meet extrapolation.
    measuredContextTokens: 64,
    decodeProvenance: 'analytic',
    decodeRowNs: (decodes) => contextTokens.map((context) => contextNs * decodes * context),
    mixedNs: (newTokens, context, decodes, decodeContext) =>
      analytic(contextNs * (newTokens * Math.max(0, context + newTokens / 2) + decodes * decodeContext)),
  }
}

function analytic(latencyNs: number): Latency {
  return { ns: latencyNs, provenance: 'analytic' }
}
