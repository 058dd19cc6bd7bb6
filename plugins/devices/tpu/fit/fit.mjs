// Fits the efficiencies of a TPU v6e to LLMServingSim's profile (data folder at SERVESIM_DATA) and prints them with their errors.
// Left out are whole curves: two of five matrix products, every third batch size of decodes, every third chunk size of prefill.

import { catalogue } from '@servesim/models'
import { importLlmservingsimV0 } from '@servesim/profile/node'
import { rooflineDevice } from '@servesim/roofline'
import { chips } from '../dist/chips.js'

const data = process.env.SERVESIM_DATA ?? new URL('../../../../../shared/data', import.meta.url).pathname
const graph = catalogue.resolve('meta-llama/Llama-3.1-8B').shard({ tensor: 1, pipeline: 1, expert: 1 }, {})
const [shard] = importLlmservingsimV0(`${data}/llmservingsim/profiler/v0`, {}, { graph: () => graph }).shards
const v6e = chips.find((chip) => chip.spec.name === 'tpu-v6e')
const leftOutProducts = ['qkv_proj', 'down_proj']

const products = [...shard.tokens, ...shard.sequences].flatMap(({ operator, rows, latencyUs }) => {
  const gemm = graph.operators.find(({ name, kind }) => name === operator && kind === 'gemm')
  if (gemm === undefined) return []
  return Array.from(rows, (count, i) => ({
    leftOut: leftOutProducts.includes(operator),
    us: latencyUs[i],
    price: (c) => c.latency(gemm, count).ns / 1e3,
  }))
})
const { newTokens, context, decodes, decodeContext } = shard.attention
const attention = Array.from(shard.attention.latencyUs, (us, i) => ({ i, us }))
const decode = attention
  .filter(({ i }) => decodes[i] > 0)
  .map(({ i, us }) => ({
    leftOut: decodes[i] % 3 === 0,
    us,
    price: ({ attention: { contextTokens, decodeRowNs } }) => {
      const row = decodeRowNs(decodes[i], decodes[i])
      return (row[0] + ((row[1] - row[0]) * decodeContext[i]) / contextTokens[1]) / 1e3
    },
  }))
const prefill = attention
  .filter(({ i }) => decodes[i] === 0)
  .map(({ i, us }) => ({
    leftOut: (newTokens[i] / 32) % 3 === 0,
    us,
    price: (c) => c.attention.mixedNs(newTokens[i], context[i], 0, 0).ns / 1e3,
  }))

const families = [
  ['matrix products', products, ['compute', 'bandwidth']],
  ['decode attention', decode, ['decodeBandwidth', 'decodeSequenceUs', 'attentionLaunchUs']],
  ['prefill attention', prefill, ['attentionCompute', 'prefillBandwidth']],
]

// Norms of few tokens take this long; products show no floor of their own, since their weights are fetched under the operator before.
let efficiency = { ...v6e.efficiency, launchUs: 0.56 }
for (const [name, rows, parameters] of families) {
  const training = rows.filter(({ leftOut }) => !leftOut)
  // Coordinate search: each parameter up and down by a step that shrinks. The mean of |ln(predicted ÷ measured)|, which outliers do not rule.
  let best = score(efficiency, training)
  for (let step = 0.3; step > 0.003; step /= 1.6)
    for (let improved = true; improved; ) {
      improved = false
      for (const parameter of parameters)
        for (const factor of [1 + step, 1 / (1 + step)]) {
          const value = efficiency[parameter] * factor
          if (!parameter.endsWith('Us') && value > 1) continue
          const tried = { ...efficiency, [parameter]: value }
          const found = score(tried, training)
          if (found < best) [best, efficiency, improved] = [found, tried, true]
        }
    }
  const [fitted, leftOut] = [training, rows.filter((row) => row.leftOut)].map((some) => errors(efficiency, some))
  console.log(`${name}: ${parameters.map((p) => `${p} ${efficiency[p].toPrecision(3)}`).join(', ')}`)
  console.log(`  median · P90 percent: fitted ${fitted}, left out ${leftOut}`)
}

function compiled(tried) {
  const device = rooflineDevice({ ...v6e, efficiency: tried }, 'fit')
  return device.compile(graph, { tensorParallel: 1, maxBatchedTokens: 2048, maxSequences: 256 })
}

function score(tried, rows) {
  const device = compiled(tried)
  return rows.reduce((sum, { us, price }) => sum + Math.abs(Math.log(price(device) / us)), 0) / rows.length
}

function errors(tried, rows) {
  const device = compiled(tried)
  const sorted = rows.map(({ us, price }) => Math.abs(price(device) / us - 1)).sort((a, b) => a - b)
  const [median, p90] = [0.5, 0.9].map((share) => (100 * sorted[Math.floor(share * (sorted.length - 1))]).toFixed(1))
  return `${median} · ${p90} (${rows.length})`
}
