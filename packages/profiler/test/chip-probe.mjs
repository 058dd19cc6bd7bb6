// @ts-nocheck: plain JavaScript, as a vendor writes it.
// A probe of a made-up chip with a known law: a roofline with a launch cost. All that a vendor has to write, on plain Node.
import { createInterface } from 'node:readline'

const launchUs = 3
const flopPerUs = 4e8
const bytesPerUs = 2e6
const linkBytesPerUs = 5e4
const element = 2

/** Time of one call: arithmetic or memory, whichever takes longer, behind the launch. */
function timeUs(operator, shape) {
  const { flop, bytes } = work(operator, shape)
  return launchUs + Math.max(flop / flopPerUs, bytes / bytesPerUs)
}

function work(operator, { rows, newTokens, context, decodes, decodeContext, longestContext, activatedExperts, bytes }) {
  switch (operator.kind) {
    case 'gemm':
      return { flop: 2 * rows * operator.n * operator.k, bytes: element * (operator.n * operator.k + rows * (operator.n + operator.k)) }
    case 'attention': {
      const { heads, kvHeads, headDim } = operator
      const pairs = newTokens * (context + newTokens / 2)
      const keys = (newTokens > 0 ? context + newTokens : 0) + decodes * decodeContext
      // Half of the chip waits for the longest sequence of a batch.
      const waiting = longestContext === undefined ? 0 : (longestContext - decodeContext) / 2
      return { flop: 4 * heads * headDim * (pairs + decodes * decodeContext), bytes: 2 * kvHeads * headDim * element * (keys + waiting) }
    }
    case 'moe': {
      const weights = 3 * operator.hiddenSize * operator.intermediateSize
      return { flop: 2 * rows * operator.topK * weights, bytes: element * activatedExperts * weights }
    }
    case 'collective':
      return { flop: 0, bytes: (2 * bytes * bytesPerUs) / linkBytesPerUs }
    case 'elementwise':
      return { flop: 0, bytes: rows * operator.bytesPerRow }
  }
  throw new Error(`no operator "${operator.kind}"`)
}

/** Timings scatter by half a percent, the same way each time. */
let seed = 1
function scatter() {
  seed = (seed * 48271) % 2147483647
  return 1 + 0.01 * (seed / 2147483647 - 0.5)
}

const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`)

createInterface({ input: process.stdin }).on('line', (line) => {
  const message = JSON.parse(line)
  if (message.type === 'hello') {
    say({
      type: 'hello',
      protocol: 1,
      probe: { name: 'acme', release: '1.0' },
      device: { name: 'Acme One', vendor: 'Acme', memoryBytes: 48e9, memoryBytesPerSecond: 2e12, bf16FlopPerSecond: 4e14 },
      software: { driver: '7' },
      timing: 'simulated',
      dtypes: ['bf16'],
      operators: ['gemm', 'attention', 'moe', 'collective', 'elementwise'],
      ranks: 8,
    })
  } else if (message.type === 'measure') {
    const { id, operator, shape, repeats } = message
    try {
      const us = timeUs(operator, shape)
      say({
        type: 'times',
        id,
        us: Array.from({ length: repeats }, () => us * scatter()),
        clockMhz: 1400,
        temperatureC: 55,
        throttled: false,
      })
    } catch (error) {
      say({ type: 'error', id, reason: 'unsupported', message: error.message })
    }
  } else process.exit(0)
})
