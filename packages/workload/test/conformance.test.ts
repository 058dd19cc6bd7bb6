import { describeWorkload } from '@servesim/testkit'
import { parseTrace, workloads } from '../src/index.js'

const trace = parseTrace(
  Array.from({ length: 50 }, (_, i) => JSON.stringify({ input_toks: 20 + i, output_toks: 5, arrival_time_ns: i * 1000 })).join('\n'),
)
const lengths = { requestCount: 200, promptTokens: 40, outputTokens: { uniform: [1, 20] }, sharedPrefix: { groups: 2, tokens: 16 } }

describeWorkload(workloads, (name) => (name === 'trace' ? { trace } : lengths))
