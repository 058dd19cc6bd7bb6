import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { describeTrace } from './describe-trace.js'
import { readTraceFile } from './node.js'

const data = process.env.SERVESIM_DATA ?? fileURLToPath(new URL('../../../../shared/data', import.meta.url))
const absent = existsSync(data) ? '' : ' (skipped: no recorded data; set SERVESIM_DATA to the folder that has it)'
const summary = async (path: string) => describeTrace(await readTraceFile(`${data}/${path}`))

test.skipIf(absent)(`reads Mooncake's conversation trace${absent}`, async () => {
  const { requestCount, durationNs, prompt, output, identifiedFraction } = await summary('traces/conversation_trace.jsonl')
  expect([requestCount, durationNs]).toEqual([12_031, 3_536_999e6])
  expect([prompt.totalTokens, output.totalTokens]).toEqual([144_793_823, 4_122_048])
  expect(identifiedFraction).toBeCloseTo(0.951, 3)
})

test.skipIf(absent)(`reads LLMServingSim's ShareGPT requests for Llama${absent}`, async () => {
  const { requestCount, prompt, output, identifiedFraction } = await summary(
    'llmservingsim/workloads/sharegpt-llama-3.1-8b-300-sps10.jsonl',
  )
  expect([requestCount, prompt.totalTokens, output.totalTokens]).toEqual([300, 257_239, 195_753])
  // All but the last, incomplete group of each request.
  expect(identifiedFraction).toBeGreaterThan(0.99)
})

test.skipIf(absent)(`finds the same requests in Azure's code trace and in the copy that Vidur passes on${absent}`, async () => {
  const azure = await readTraceFile(`${data}/traces/azure2023/AzureLLMInferenceTrace_code.csv`)
  const vidur = await readTraceFile(`${data}/traces/splitwise_code.csv`)
  expect(azure.requestCount).toBe(8819)
  expect(azure.promptTokens).toEqual(vidur.promptTokens)
  expect(azure.outputTokens).toEqual(vidur.outputTokens)
  // The copy keeps µs.
  azure.arrivalNs.forEach((arrivalNs, row) => {
    if (Math.abs(arrivalNs - vidur.arrivalNs[row]!) > 1000) expect([row, arrivalNs]).toEqual([row, vidur.arrivalNs[row]])
  })
})
