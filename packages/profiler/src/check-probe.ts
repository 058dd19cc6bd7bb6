import { measurePoint } from './measure.js'
import { pointOf } from './point.js'
import { Probe, type ProbeTimeouts } from './probe.js'
import type { ProbeCommand } from './probe-command.js'
import { ProbeFault } from './probe-fault.js'
import type { ProbeHello, ProbeOperator, Shape } from './protocol.js'

/** One thing that a probe was tried on. */
export interface ProbeCheck {
  what: string
  ok: boolean
  /** What it answered, or what is wrong and what to do. */
  said: string
}

/** A small and a larger shape of each kind: the larger must not be faster. */
const trials: readonly { operator: ProbeOperator; small: Shape; large: Shape }[] = [
  { operator: { kind: 'gemm', name: 'gemm', copies: 2, n: 256, k: 256 }, ...rows(1, 512) },
  { operator: { kind: 'embedding', name: 'embedding', copies: 1, vocabulary: 1024, width: 256, bytesPerRow: 1024 }, ...rows(1, 512) },
  { operator: { kind: 'norm', name: 'norm', copies: 2, width: 256, bytesPerRow: 2048 }, ...rows(1, 512) },
  { operator: { kind: 'head-norm', name: 'head-norm', copies: 2, heads: 6, headDim: 64, bytesPerRow: 1536 }, ...rows(1, 512) },
  { operator: { kind: 'rotary', name: 'rotary', copies: 2, heads: 4, kvHeads: 2, headDim: 64, bytesPerRow: 1536 }, ...rows(1, 512) },
  { operator: { kind: 'gated-activation', name: 'gated-activation', copies: 2, width: 256, bytesPerRow: 1536 }, ...rows(1, 512) },
  { operator: { kind: 'sampler', name: 'sampler', copies: 1, vocabulary: 1024, bytesPerRow: 10240 }, ...rows(1, 64) },
  { operator: { kind: 'elementwise', name: 'elementwise', copies: 2, bytesPerRow: 1024 }, ...rows(1, 512) },
  {
    operator: { kind: 'attention', name: 'attention of decodes', copies: 2, heads: 4, kvHeads: 2, headDim: 64 },
    small: { newTokens: 0, context: 0, decodes: 1, decodeContext: 16 },
    large: { newTokens: 0, context: 0, decodes: 16, decodeContext: 512 },
  },
  {
    operator: { kind: 'attention', name: 'attention of unequal decodes', copies: 2, heads: 4, kvHeads: 2, headDim: 64 },
    small: { newTokens: 0, context: 0, decodes: 4, decodeContext: 16, longestContext: 32 },
    large: { newTokens: 0, context: 0, decodes: 16, decodeContext: 256, longestContext: 2048 },
  },
  {
    operator: { kind: 'attention', name: 'attention of a chunk and decodes', copies: 2, heads: 4, kvHeads: 2, headDim: 64 },
    small: { newTokens: 16, context: 0, decodes: 0, decodeContext: 0 },
    large: { newTokens: 128, context: 512, decodes: 4, decodeContext: 256 },
  },
  {
    operator: { kind: 'moe', name: 'moe', copies: 1, experts: 8, topK: 2, hiddenSize: 128, intermediateSize: 128 },
    small: { rows: 1, activatedExperts: 2 },
    large: { rows: 128, activatedExperts: 8 },
  },
  {
    operator: { kind: 'collective', name: 'all-reduce', copies: 1, collective: 'all-reduce', ranks: 2 },
    small: { bytes: 4096 },
    large: { bytes: 4194304 },
  },
]

function rows(small: number, large: number): { small: Shape; large: Shape } {
  return { small: { rows: small }, large: { rows: large } }
}

/** Tries everything the protocol asks of a probe that its hello promises, on small shapes. */
export async function checkProbe(command: ProbeCommand, timeouts: ProbeTimeouts): Promise<ProbeCheck[]> {
  const checks: ProbeCheck[] = []
  let probe: Probe | undefined
  const attempt = async (what: string, act: (probe: Probe) => Promise<string>) => {
    try {
      probe ??= await Probe.start(command, timeouts)
      checks.push({ what, ok: true, said: await act(probe) })
    } catch (error) {
      if (!(error instanceof ProbeFault)) throw error
      probe?.kill()
      probe = undefined
      checks.push({ what, ok: false, said: `${error.sentence} ${error.hint}` })
    }
  }
  let hello: ProbeHello | undefined
  await attempt('hello', async (running) => {
    hello = running.hello
    return `${hello.probe.name} ${hello.probe.release} on ${hello.device.name}; ${hello.dtypes.join(', ')}; ${hello.timing === 'simulated' ? 'simulated times' : hello.launch}`
  })
  if (hello === undefined) return checks
  const { operators, ranks } = hello
  const dtype = hello.dtypes[0]!
  for (const { operator, small, large } of trials) {
    if (!operators.includes(operator.kind) || (operator.kind === 'collective' && ranks < operator.ranks)) continue
    await attempt(operator.name, async (running) => {
      const [few, many] = [await time(running, operator, small, dtype), await time(running, operator, large, dtype)]
      if (many < 0.5 * few)
        throw new ProbeFault(
          `${many.toFixed(1)} µs for ${JSON.stringify(large)}, ${few.toFixed(1)} µs for ${JSON.stringify(small)}.`,
          'A larger shape is not faster: does it time the work, or only its start?',
        )
      return `${few.toFixed(1)} µs, ${many.toFixed(1)} µs for a larger shape`
    })
  }
  await attempt('an operator that it does not know', async (running) => {
    const operator = { kind: 'no-such-operator', name: 'no-such-operator', copies: 1 } as unknown as ProbeOperator
    const answer = await running.measure({ operator, shape: { rows: 1 }, dtype, warmup: 0, repeats: 1, stepBytes: 0 })
    if (answer.type === 'error') return `refused: ${answer.message}`
    throw new ProbeFault(
      'It gave times for an operator that does not exist.',
      'Answer {"type":"error","id":…,"reason":"unsupported","message":"…"}.',
    )
  })
  await attempt('bye', async (running) => {
    const startMs = performance.now()
    await running.close()
    return `left after ${((performance.now() - startMs) / 1000).toFixed(2)} s`
  })
  return checks
}

async function time(probe: Probe, operator: ProbeOperator, shape: Shape, dtype: string): Promise<number> {
  const point = pointOf({ table: 'tokens', tensorParallel: 1, operator, axes: Object.keys(shape), stepWeights: 0 }, shape)
  const policy = { warmup: 2, stablePct: 5, fewest: 5, most: 20, longestMs: 1000 }
  const answer = await measurePoint(probe, point, { name: dtype, bytes: 1 }, policy)
  if ('type' in answer) throw new ProbeFault(`It refused: ${answer.message}.`, 'Its hello promises this operator.')
  return answer.us
}
