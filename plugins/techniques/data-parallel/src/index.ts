import { definePlugin, type ExpertLoad, expertLoad, group, ServesimError, technique } from '@servesim/core'
import { z } from 'zod'
import { balancedLoad, qwenGate, recordedLoad, uniformLoad, zipfLoad } from './expert-loads.js'

/** vLLM's ranks find out every 32 steps whether all are out of work (`DPEngineCoreProc._has_global_unfinished_reqs`). */
const waveSteps = 32

const options = z.strictObject({
  ranks: z.number().int().min(1).max(1024).default(1).describe('Replicas that step together and share the experts; 1: none'),
  waveSteps: z
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(waveSteps)
    .describe('Steps after which ranks compare notes whether all are out of work'),
  expertLoad: z
    .enum(['uniform', 'balanced', 'recorded', 'zipf'])
    .default('uniform')
    .describe('How tokens spread over experts: evenly at random, as evenly as can be, as a measured gate, or by Zipf popularity'),
  gateTokens: z
    .array(z.number().min(1))
    .min(1)
    .default([...qwenGate.tokens])
    .describe('Token counts of the measured gate curve, ascending'),
  gateFractions: z
    .array(z.number().gt(0).max(1))
    .min(1)
    .default([...qwenGate.fractions])
    .describe('Share of E·(1 − (1 − k/E)^T) experts that the gate activates at each of them'),
  zipfExponent: z.number().min(0).max(10).default(0.5).describe('Exponent of the Zipf popularity'),
})

/** Data-parallel attention with expert parallelism, as vLLM does it. Claims the group and the expert load of its pool. */
export const dataParallel = definePlugin('technique-data-parallel', (host) => {
  host.provide(technique, {
    name: 'data-parallel',
    description: 'Replicas of an MoE model that share its experts and step together.',
    options,
    build(own, context) {
      if (own.gateTokens.length !== own.gateFractions.length || own.gateTokens.some((t, i) => i > 0 && t <= own.gateTokens[i - 1]!)) {
        throw new ServesimError(
          'SERVESIM_BAD_OPTION',
          `${context.path}.gateTokens`,
          `${own.gateTokens.length} token counts and ${own.gateFractions.length} fractions; expected as many of each, and ascending counts.`,
          'Give one fraction for each token count.',
        )
      }
      if (own.ranks > 1) context.claim(group, { ranks: own.ranks, waveSteps: own.waveSteps })
      context.claim(expertLoad, loadOf(own))
    },
  })
})

export default dataParallel

function loadOf({ expertLoad: kind, gateTokens, gateFractions, zipfExponent }: z.output<typeof options>): ExpertLoad {
  if (kind === 'balanced') return balancedLoad
  if (kind === 'zipf') return zipfLoad(zipfExponent)
  return kind === 'recorded' ? recordedLoad({ tokens: gateTokens, fractions: gateFractions }) : uniformLoad
}
