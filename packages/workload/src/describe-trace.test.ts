import { expect, test } from 'vitest'
import { describeTrace } from './describe-trace.js'
import { parseTrace } from './read-trace.js'

test('counts, lengths, duration and the share of tokens that a cache can know', () => {
  const lines = [
    { arrival_time_ns: 100, input_toks: 4, output_toks: 6, input_tok_ids: [1, 2, 3, 4] },
    {
      arrival_time_ns: 350,
      sub_requests: [
        { input_toks: 20, output_toks: 1 },
        { input_toks: 8, output_toks: 1 },
      ],
    },
  ]
  const trace = parseTrace(lines.map((line) => JSON.stringify(line)).join('\n'), { source: 'day.jsonl', groupTokens: 2 })
  expect(describeTrace(trace)).toEqual({
    source: 'day.jsonl',
    format: 'llmservingsim',
    requestCount: 3,
    laterCallCount: 1,
    durationNs: 250,
    prompt: { totalTokens: 32, meanTokens: 32 / 3, medianTokens: 8 },
    output: { totalTokens: 8, meanTokens: 8 / 3, medianTokens: 1 },
    identifiedFraction: 0.1,
  })
})

test('takes the mean of the middle two for an even count', () => {
  const trace = parseTrace('arrived_at,num_prefill_tokens,num_decode_tokens\n0,1,10\n1,5,10\n')
  expect(describeTrace(trace).prompt.medianTokens).toBe(3)
})
