import type { Dtype } from './dtype.js'
import { workOf } from './operators.js'
import type { Point } from './point.js'
import type { Probe } from './probe.js'
import { ProbeFault } from './probe-fault.js'
import type { ProbeFailure, ProbeTimes } from './protocol.js'
import { summarise } from './statistics.js'

export interface Measurement {
  us: number
  spreadPct: number
  noisePct: number
  repeats: number
  outliers: number
  /** The furthest outlier ÷ median; absent without outliers. */
  worstOutlier?: number
  clockMhz?: number
  temperatureC?: number
  throttled?: boolean
}

export interface RepeatPolicy {
  warmup: number
  /** A median is stable once its 95 % interval is this narrow. */
  stablePct: number
  fewest: number
  most: number
  /** Repeats stop once a point has been timed for so long. */
  longestMs: number
}

export const defaultRepeats: RepeatPolicy = { warmup: 3, stablePct: 1, fewest: 5, most: 80, longestMs: 3000 }

/** Beyond what any chip does in the next decades: such times are a probe's mistake. */
const mostFlopPerSecond = 1e18
const mostBytesPerSecond = 1e17
const longestUs = 1e9

/**
 * Times one point until its median is stable or the policy's limits are reached.
 * @returns the probe's own refusal where it has one, such as out of memory
 * @throws ProbeFault
 */
export async function measurePoint(probe: Probe, point: Point, dtype: Dtype, policy: RepeatPolicy): Promise<Measurement | ProbeFailure> {
  const us: number[] = []
  let last: ProbeTimes | undefined
  let throttled = false
  let { fewest: repeats } = policy
  for (;;) {
    const startMs = performance.now()
    const answer = await probe.measure({
      operator: point.series.operator,
      shape: point.shape,
      dtype: dtype.name,
      warmup: us.length === 0 ? policy.warmup : 1,
      repeats,
      stepBytes: point.series.stepWeights * dtype.bytes,
    })
    if (answer.type === 'error') return answer
    checkTimes(answer.us, repeats, point, dtype.bytes, probe.hello.timing === 'device' ? performance.now() - startMs : undefined)
    us.push(...answer.us)
    last = answer
    throttled ||= answer.throttled === true
    const { medianUs, noisePct } = summarise(us)
    const leftUs = policy.longestMs * 1000 - us.reduce((a, b) => a + b, 0)
    repeats = Math.min(us.length, policy.most - us.length, Math.floor(leftUs / medianUs))
    if (noisePct <= policy.stablePct || repeats < 1) break
  }
  const { medianUs, spreadPct, noisePct, outliers } = summarise(us)
  const { clockMhz, temperatureC } = last
  return {
    us: medianUs,
    spreadPct,
    noisePct,
    repeats: us.length,
    outliers: outliers.length,
    ...(outliers.length > 0 && { worstOutlier: Math.max(...outliers.map((time) => time / medianUs)) }),
    ...(clockMhz !== undefined && { clockMhz }),
    ...(temperatureC !== undefined && { temperatureC }),
    ...(throttled && { throttled }),
  }
}

/** @param elapsedMs wall-clock time of the request, where the probe's times are of the same clock */
function checkTimes(
  us: readonly number[],
  repeats: number,
  { series, shape }: Point,
  bytesPerElement: number,
  elapsedMs: number | undefined,
): void {
  const bad = (sentence: string) => new ProbeFault(sentence, 'Times are microseconds of one call each, taken on the device.')
  if (us.length !== repeats) throw bad(`It gave ${us.length} times where ${repeats} were asked.`)
  const wrong = us.find((time) => !(time > 0))
  if (wrong !== undefined) throw bad(`It gave a time of ${wrong} µs; expected a number above 0.`)
  const { flop, bytes } = workOf(series.operator, shape, bytesPerElement)
  const leastUs = Math.max(flop / mostFlopPerSecond, bytes / mostBytesPerSecond) * 1e6
  const fast = us.find((time) => time < leastUs)
  if (fast !== undefined)
    throw bad(`It gave ${fast} µs for ${flop.toExponential(1)} operations on ${bytes.toExponential(1)} bytes, faster than any chip.`)
  const slow = us.find((time) => time > longestUs)
  if (slow !== undefined) throw bad(`It gave a time of ${slow} µs for one call, more than a quarter of an hour.`)
  const sumMs = us.reduce((a, b) => a + b, 0) / 1000
  // A millisecond of slack for clocks of different grain.
  if (elapsedMs !== undefined && sumMs > 1.05 * elapsedMs + 1)
    throw bad(`Its times sum to ${sumMs.toFixed(1)} ms, but it answered after ${elapsedMs.toFixed(1)} ms.`)
}
