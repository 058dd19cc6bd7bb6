import type { Trace } from './trace.js'

export interface LengthSummary {
  totalTokens: number
  meanTokens: number
  medianTokens: number
}

export interface TraceSummary {
  source: string
  format: string
  requestCount: number
  /** Requests among them that wait for an earlier call of their session. */
  laterCallCount: number
  /** From the first arrival by the clock to the last, ns. */
  durationNs: number
  prompt: LengthSummary
  output: LengthSummary
  /** Share of prompt and output tokens whose text is identified, 0–1: what a prefix cache may hit at all. */
  identifiedFraction: number
}

/** What a trace holds, for a person to check before simulating it. */
export function describeTrace(trace: Trace): TraceSummary {
  const prompt = lengths(trace.promptTokens)
  const output = lengths(trace.outputTokens)
  return {
    source: trace.source,
    format: trace.format,
    requestCount: trace.requestCount,
    laterCallCount: trace.requestCount - trace.arrivalCount,
    durationNs: trace.arrivalNs[trace.arrivalCount - 1]! - trace.arrivalNs[0]!,
    prompt,
    output,
    identifiedFraction: (trace.prefixIds.length * trace.prefixGroupTokens) / (prompt.totalTokens + output.totalTokens),
  }
}

function lengths(tokens: Int32Array): LengthSummary {
  const totalTokens = tokens.reduce((sum, count) => sum + count, 0)
  const sorted = tokens.toSorted()
  const middle = sorted.length >> 1
  const medianTokens = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { totalTokens, meanTokens: totalTokens / tokens.length, medianTokens }
}
