// Draws the decode step of Llama-3.1-8B on a TPU v6e against its batch, on imported measurements and on the analytic device, into
// step-time.svg (data folder at SERVESIM_DATA), and prints the points.
import { writeFileSync } from 'node:fs'
import { catalogue } from '@servesim/models'
import { bundleDevice } from '@servesim/profile'
import { importLlmservingsimV0 } from '@servesim/profile/node'
import { rooflineDevice } from '@servesim/roofline'
import { chips } from '../dist/chips.js'

const data = process.env.SERVESIM_DATA ?? new URL('../../../../../shared/data', import.meta.url).pathname
const model = catalogue.resolve('meta-llama/Llama-3.1-8B')
const graph = model.shard({ tensor: 1, pipeline: 1, expert: 1 }, {})
const v6e = chips.find((chip) => chip.spec.name === 'tpu-v6e')
const bundle = importLlmservingsimV0(`${data}/llmservingsim/profiler/v0`, {}, { graph: () => graph })
const use = { path: 'picture', model: model.id, tensorParallel: 1 }
const limits = { tensorParallel: 1, maxBatchedTokens: 2048, maxSequences: 256 }
const contexts = [512, 1024, 1984]
const batches = [1, 2, 4, 8, 16, 24, 32, 48, 64, 80, 96, 112, 118]
const measured = bundleDevice(bundle, v6e.spec, use).compile(graph, limits)
const analytic = rooflineDevice(v6e, 'picture').compile(graph, limits)

/** Decode step of `batch` sequences at one context, ms. */
function stepMs(compiled, batch, context) {
  const grid = compiled.attention.contextTokens
  const row = compiled.attention.decodeRowNs(batch, batch)
  let cell = 0
  while (cell < grid.length - 2 && context >= grid[cell + 1]) cell++
  const attention = row[cell] + ((row[cell + 1] - row[cell]) * (context - grid[cell])) / (grid[cell + 1] - grid[cell])
  return graph.operators.reduce((ns, o) => ns + o.repeat * (o.kind === 'attention' ? attention : compiled.latency(o, batch).ns), 0) / 1e6
}

const lines = contexts.flatMap((context) =>
  [measured, analytic].map((compiled) => ({
    context,
    dashed: compiled === analytic,
    points: batches.map((batch) => [batch, stepMs(compiled, batch, context)]),
  })),
)
console.log(['batch', ...batches].join('\t'))
for (const { context, dashed, points } of lines)
  console.log([`${dashed ? 'analytic' : 'measured'} ${context}`, ...points.map(([, ms]) => ms.toFixed(2))].join('\t'))

const [width, height, left, bottom] = [720, 420, 60, 50]
const mostMs = Math.ceil(Math.max(...lines.flatMap(({ points }) => points.map(([, ms]) => ms))) / 20) * 20
const x = (batch) => left + (batch / 128) * (width - left - 110)
const y = (ms) => height - bottom - (ms / mostMs) * (height - bottom - 30)
const colours = ['#1b6ca8', '#c0562b', '#4b8b3b']
const text = (at, up, anchor, content) => `<text x="${at}" y="${up}" text-anchor="${anchor}">${content}</text>`
const svg = [
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13" fill="#333">`,
  '<title>Decode step of Llama-3.1-8B on one TPU v6e against its batch</title>',
  `<rect width="${width}" height="${height}" fill="white"/>`,
  text(left, 18, 'start', 'Decode step of Llama-3.1-8B on one TPU v6e, ms (solid: imported measurements, dashed: analytic)'),
  ...Array.from({ length: mostMs / 20 + 1 }, (_, i) => i * 20).flatMap((ms) => [
    `<line x1="${left}" x2="${x(128)}" y1="${y(ms)}" y2="${y(ms)}" stroke="#ddd"/>`,
    text(left - 8, y(ms) + 4, 'end', ms),
  ]),
  ...[0, 32, 64, 96, 128].map((batch) => text(x(batch), height - bottom + 20, 'middle', batch)),
  text(x(64), height - 10, 'middle', 'sequences in the batch'),
  ...lines.flatMap(({ context, dashed, points }) => {
    const colour = colours[contexts.indexOf(context)]
    const path = points.map(([batch, ms]) => `${x(batch).toFixed(1)},${y(ms).toFixed(1)}`).join(' ')
    const end = points.at(-1)
    return [
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"${dashed ? ' stroke-dasharray="5 4"' : ''}/>`,
      ...(dashed ? [] : [`<g fill="${colour}">${text(x(end[0]) + 10, y(end[1]) + 4, 'start', `${context} tokens`)}</g>`]),
    ]
  }),
  '</svg>',
]
writeFileSync(new URL('../step-time.svg', import.meta.url), `${svg.join('\n')}\n`)
