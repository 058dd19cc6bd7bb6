import { type Decode, type DecodeFactory, decode, definePlugin, type Plugin, Registry, technique } from '@servesim/core'
import { speculativeDecoding } from '../src/index.js'

/** One answer of `Decode.accepted`. */
export interface Verification {
  /** Position in the order of arrival, and output tokens by then. */
  request: number
  position: number
  drafts: number
  accepted: number
}

/** The technique, with every verification written down. */
export function recording(into: Verification[]): Plugin {
  const provided = new Registry([speculativeDecoding]).named(technique, 'speculative-decoding', 'test')
  return definePlugin('recording-speculative-decoding', (host) =>
    host.provide(technique, {
      ...provided,
      build(options, context) {
        const claim = (point: { id: string }, contribution: unknown) =>
          context.claim(point as never, point.id === decode.id ? recorded(contribution as DecodeFactory, into) : (contribution as never))
        provided.build(options, { ...context, claim: claim as never })
      },
    }),
  )
}

function recorded(factory: DecodeFactory, into: Verification[]): DecodeFactory {
  return (context) => {
    const inner = factory(context)
    const { requests } = context
    const accepted: Decode['accepted'] = (request, drafts) => {
      const kept = inner.accepted(request, drafts)
      into.push({ request: requests.arrivalIndex[request]!, position: requests.outputTokens[request]!, drafts, accepted: kept })
      return kept
    }
    return Object.assign(Object.create(inner) as Decode, { accepted })
  }
}
