import { clusterTechnique, definePlugin, journey, type KvTier, kvTier } from '@servesim/core'
import { z } from 'zod'
import { HandOver } from './hand-over.js'

/** Prompts are computed in one pool and answers in another; the KV travels between them. */
export const pdDisaggregation = definePlugin('technique-pd-disaggregation', (host) => {
  host.provide(clusterTechnique, {
    name: 'pd-disaggregation',
    description: 'Prompts are computed in pools of role "prefill", answers in pools of role "decode".',
    options: z.strictObject({
      handover: z
        .enum(['pull', 'layer-by-layer'])
        .default('pull')
        .describe('KV travels once a prompt is computed, or each layer’s while it is being computed'),
      localBelowTokens: z
        .int()
        .min(0)
        .max(1e9)
        .default(0)
        .describe('Prompts shorter than this are computed by the decode pool itself, and nothing travels'),
    }),
    build(options, { path, engine, claim, claimIn, assume }) {
      engine.transfers.need(path)
      const handOver = new HandOver(options, engine)
      claim(journey, handOver)
      claimIn('prefill', kvTier, {
        name: 'pd-disaggregation',
        reads: 'sequences',
        build(context): KvTier {
          handOver.register(context)
          return {
            reads: 'sequences',
            probe: () => 0,
            load: () => {},
            cancel: () => {},
            released: (request, keep) => keep && handOver.keepBlocks(request, keep),
            ...(options.handover === 'layer-by-layer' && {
              computing: (request: number, fromToken: number, toToken: number, startNs: number, endNs: number) =>
                handOver.computing(request, fromToken, toToken, context.replica, startNs, endNs),
            }),
          }
        },
      })
      claimIn('decode', kvTier, {
        name: 'pd-disaggregation',
        reads: 'sequences',
        build(context): KvTier {
          handOver.register(context)
          return {
            reads: 'sequences',
            probe: (request, fromToken) => handOver.available(request, fromToken),
            load: (request, fromToken) => handOver.load(request, fromToken, context.replica),
            cancel: (request) => handOver.cancelLoad(request),
            admitted: (request) => handOver.admitted(request),
          }
        },
      })
      assume(
        'The last prompt token is computed again where the answer is, as with vLLM’s connectors; a request passes from pool to pool without delay.',
      )
    },
  })
})

export default pdDisaggregation
