import { describe, expect, test } from 'vitest'
import { sampleFacts, sampleResult } from '../test/sample-run.js'
import { runText } from './run-text.js'

describe('the text of a run', () => {
  test('shows every figure with its definition, in 100 columns', () => {
    const text = runText(sampleResult(), sampleFacts(), { wallMs: 12 })
    for (const words of [
      /^TTFT +1\.250 +2\.250 +3\.250 +4\.250 +5\.250$/m,
      /^Latency +1,000\.3 /m,
      'time to first token: first token − arrival\n',
      '8.000 requests/s',
      '51,200 prompt (10.0 % from the prefix cache)',
      'peak 25.0 %, mean < 0.1 % of 26,504 blocks; 1 preemption',
      /linear +60\.0 %.*memory +70\.0 %/,
      '20.0 % idle',
      'measured 75.0 %, interpolated 25.0 %',
      'Counted     drafted tokens 1,234\n',
      'request 7 (200,000 prompt, 10 output tokens)',
      '12,345 steps, 50.0 % of them in stretches; simulated in 12.00 ms',
    ]) {
      if (typeof words === 'string') expect(text).toContain(words)
      else expect(text).toMatch(words)
    }
    for (const line of text.split('\n')) expect([...line].length, line).toBeLessThanOrEqual(100)
  })

  test('says what travelled and over which links, where anything did', () => {
    const links = [
      { name: 'node ports', links: 32, bytes: 24e9, busiestShare: 0.25 },
      { name: 'host memory', links: 2, bytes: 6e9, busiestShare: 0.004 },
    ]
    const transfers = { count: 1234, bytes: 30e9, peakActive: 17, links }
    const text = runText(sampleResult({ transfers }), sampleFacts()).replaceAll(/\n +/g, ' ')
    expect(text).toContain(
      'Transfers   1,234 of 30.00 GB, at most 17 at once; over links node ports 24.00 GB (busiest link 25.0 %), host memory 6.000 GB (busiest link 0.4 %)',
    )
    expect(runText(sampleResult(), sampleFacts())).not.toContain('Transfers')
  })

  test('names the role of a pool that serves one stage of requests', () => {
    expect(runText(sampleResult(), sampleFacts({ role: 'prefill' }))).toMatch(/^prefill: meta-llama/m)
  })

  test('says from which instant latency counts', () => {
    expect(runText(sampleResult(), { ...sampleFacts(), latencyFrom: 'queued' })).toContain('first token − the instant the engine queued')
  })

  test('names measurements of another engine release among the assumptions', () => {
    const mismatch = 'measured under engine release 0.28.1, and 0.19 is simulated'
    expect(runText(sampleResult(), sampleFacts({ measuredRelease: '0.28.1' })).replaceAll(/\n +/g, ' ')).toContain(mismatch)
    expect(runText(sampleResult(), sampleFacts())).not.toContain('engine release')
    expect(runText(sampleResult(), sampleFacts({ measuredRelease: undefined }))).not.toContain('engine release')
  })

  test('of a run in which nothing finished shows dashes and no NaN', () => {
    const nothing = sampleResult({
      requests: { arrived: 1, finished: 0, refused: 1, aborted: 0, lost: 0 },
      metrics: sampleResult().metrics.map((m) => ({ ...m, value: Number.NaN })),
      timeByClass: { attention: 0, linear: 0, moe: 0, 'norm-activation': 0, embedding: 0, 'logits-sampling': 0, collective: 0, host: 0 },
      timeByProvenance: { measured: 0, interpolated: 0, extrapolated: 0, analytic: 0 },
      promptTokens: 0,
    })
    const text = runText(nothing, sampleFacts())
    expect(text).toMatch(/^TTFT +–/m)
    expect(text).not.toContain('NaN')
  })

  test('lists ten refusals and counts the rest', () => {
    const refusals = Array.from({ length: 20 }, (_, i) => ({ ...sampleResult().refusals[0]!, arrivalIndex: i }))
    const text = runText(
      sampleResult({ refusals, requests: { arrived: 100, finished: 80, refused: 20, aborted: 0, lost: 0 } }),
      sampleFacts(),
    )
    expect(text).toContain('and 10 more')
    expect(text.match(/- request/g)).toHaveLength(10)
  })

  test('says which requests were let in and not served to their end', () => {
    const unserved = [
      { kind: 'aborted' as const, arrivalIndex: 3, timeNs: 1.5e9, outputTokens: 1 },
      { kind: 'lost' as const, arrivalIndex: 4, timeNs: 2e9, outputTokens: 0 },
    ]
    const text = runText(sampleResult({ unserved, requests: { arrived: 10, finished: 8, refused: 0, aborted: 1, lost: 1 } }), sampleFacts())
    expect(text).toContain('10 requests: 8 finished, 1 aborted, 1 lost; seed 7')
    expect(text).toContain('request 3: its client went away after 1.500 s, when it had 1 output token\n')
    expect(text).toContain('request 4: its replica died after 2.000 s, when it had 0 output tokens\n')
  })
})
