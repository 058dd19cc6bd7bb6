import { decode, definePlugin, stepCost, technique } from '@servesim/core'
import { acceptanceOf, sentenceOf } from './acceptance.js'
import { DraftPasses, LookupTime } from './draft-cost.js'
import { draftLengths } from './draft-lengths.js'
import { drafterOf } from './drafter.js'
import { Drafting } from './drafting.js'
import { methods } from './methods.js'
import { options } from './options.js'
import { totalsOf } from './totals.js'

/** Tokens are drafted cheaply and verified several at a time. */
export const speculativeDecoding = definePlugin('technique-speculative-decoding', (host) => {
  host.provide(technique, {
    name: 'speculative-decoding',
    description: 'Drafts tokens and verifies several in a step: n-gram lookup, a draft model, EAGLE and MTP heads.',
    flag: 'speculative-decoding',
    options,
    build(own, context) {
      const { path, engine, pool } = context
      const method = methods[own.method]
      const acceptance = acceptanceOf(own.acceptance ?? method.preset, draftsOf(own), own.conditionalRates, `${path}.acceptance`)
      const maxDrafts = acceptance.rates.length
      const classes = own.classes.map(({ value, acceptance: of }, i) => ({
        value,
        acceptance: acceptanceOf(of, maxDrafts, own.conditionalRates, `${path}.classes[${i}].acceptance`),
      }))
      const lengths = draftLengths(own, maxDrafts, pool.limits.maxNumSeqs, path)
      const drafter = drafterOf(own, method, context)
      const totals = totalsOf(engine)
      totals.reach(maxDrafts)
      context.assume(sentenceOf(own.method, acceptance))
      context.claim(decode, (of) => new Drafting({ options: own, method, acceptance, classes, lengths, totals }, of))
      if (drafter !== undefined) {
        const { weightBytes, kvBytesPerToken } = drafter.graph
        context.memoryClaim({ purpose: `what drafts (${own.method})`, bytes: weightBytes, bytesPerToken: kvBytesPerToken })
      }
      context.claim(stepCost, {
        name: 'speculative-decoding',
        wrap: (next, { forwardPass }) =>
          drafter === undefined
            ? new LookupTime(next, own.lookupNsPerToken)
            : new DraftPasses(next, forwardPass(drafter.graph, drafter.model), lengths, method.budgetSlots),
      })
    },
  })
})

export default speculativeDecoding

/** Where neither options nor the acceptance say how many: three, as vLLM's own measurements of chains have. */
function draftsOf({
  numSpeculativeTokens,
  acceptance,
  method,
}: {
  numSpeculativeTokens?: number | undefined
  acceptance?: unknown
  method: string
}) {
  const bySayings = acceptance === undefined && (method === 'ngram' || method === 'draft-model')
  return numSpeculativeTokens ?? (bySayings ? 3 : undefined)
}
