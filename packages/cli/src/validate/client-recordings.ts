import { readFileSync } from 'node:fs'
import { ServesimError } from '@servesim/core'
import type { RecordedRequest } from './recorded-requests.js'

/** What a load generator wrote about a server: its own clock, from the instant at which it sent a request. */
export interface ClientRecording {
  /** `vllm bench serve` or `AIPerf`. */
  tool: string
  model: string | undefined
  requests: RecordedRequest[]
  /** Requests that failed, were cancelled or belong to a warm-up. */
  leftOut: number
}

type Json = Record<string, unknown>

const aiperf = 'AIPerf'
const vllmBench = 'vllm bench serve'

/**
 * Reads the JSON of `vllm bench serve --save-result --save-detailed` (with `--append-result` the last run of the file) or AIPerf's
 * `profile_export.jsonl`. Source: reference of both formats, vLLM main of mid-2026 and AIPerf's documentation.
 * @throws ServesimError SERVESIM_BAD_FILE, SERVESIM_EMPTY_WORKLOAD
 */
export function readClientRecording(file: string): ClientRecording {
  const documents = documentsOf(readFileSync(file, 'utf8'), file)
  const recording = isRecord(documents[0]?.metadata) ? fromAiperf(documents, file) : fromVllmBench(documents.at(-1) ?? {}, file)
  if (recording.requests.length === 0)
    throw new ServesimError(
      'SERVESIM_EMPTY_WORKLOAD',
      file,
      `The file of ${recording.tool} holds no finished request.`,
      'Did the run fail?',
    )
  return recording
}

/** One JSON document, or one a line. */
function documentsOf(text: string, file: string): Json[] {
  try {
    return [JSON.parse(text) as Json]
  } catch {
    return text.split('\n').flatMap((line, i) => (line.trim() === '' ? [] : [parseLine(line, `${file}:${i + 1}`)]))
  }
}

function parseLine(line: string, where: string): Json {
  try {
    const value: unknown = JSON.parse(line)
    if (isRecord(value)) return value
  } catch {
    // Said below.
  }
  throw bad(
    where,
    'The line is no JSON object; expected what vllm bench serve or AIPerf writes.',
    'The file is cut off or from another tool.',
  )
}

function fromVllmBench(result: Json, file: string): ClientRecording {
  if (!('mean_ttft_ms' in result) && !('ttfts' in result))
    throw bad(
      file,
      'The file is neither a result of vllm bench serve nor an export of AIPerf.',
      'Give a JSON of `vllm bench serve --save-result --save-detailed`, AIPerf’s profile_export.jsonl, or the folder of a recorded run.',
    )
  const lists = ['input_lens', 'output_lens', 'ttfts', 'itls', 'start_times'] as const
  const missing = lists.filter((name) => !Array.isArray(result[name]))
  if (missing.length > 0)
    throw bad(
      file,
      `The result has no ${missing.join(', ')}: requests cannot be replayed one by one.`,
      missing.length === 1 && missing[0] === 'start_times'
        ? 'Record with a release of vLLM that saves start_times.'
        : 'Record again with --save-detailed.',
    )
  const column = (name: (typeof lists)[number]) => result[name] as unknown[]
  const errors = Array.isArray(result.errors) ? (result.errors as unknown[]) : []
  const count = column('ttfts').length
  const uneven = lists.find((name) => column(name).length !== count)
  if (uneven !== undefined)
    throw bad(file, `${uneven} has ${column(uneven).length} entries, ttfts ${count}.`, 'The file is cut off or was edited.')
  const requests: RecordedRequest[] = []
  for (let i = 0; i < count; i++) {
    const outputTokens = column('output_lens')[i]
    if (errors[i] || !(typeof outputTokens === 'number' && outputTokens >= 1)) continue
    const figure = (name: (typeof lists)[number], least: number) => number(column(name)[i], `${file}: ${name}[${i}]`, least)
    const itls = column('itls')[i]
    if (!Array.isArray(itls)) throw bad(`${file}: itls[${i}]`, 'Expected a list of seconds.', 'The file is cut off or was edited.')
    const arrivalS = figure('start_times', 0)
    const firstTokenS = arrivalS + figure('ttfts', 0)
    const lastTokenS = itls.reduce((sum: number, gap, j) => sum + number(gap, `${file}: itls[${i}][${j}]`, 0), firstTokenS)
    requests.push(request(i, figure('input_lens', 1), outputTokens, arrivalS, firstTokenS, lastTokenS))
  }
  const model = typeof result.model_id === 'string' ? result.model_id : undefined
  return { tool: vllmBench, model, requests, leftOut: count - requests.length }
}

function fromAiperf(records: readonly Json[], file: string): ClientRecording {
  const requests: RecordedRequest[] = []
  // Nanoseconds since 1970 leave a float no digits to spare, so the clock starts with the run.
  const originNs = Number((records[0]?.metadata as Json | undefined)?.request_start_ns ?? 0)
  records.forEach((record, i) => {
    const { metadata, metrics, error } = record
    const where = `${file}:${i + 1}`
    if (!isRecord(metadata) || !isRecord(metrics))
      throw bad(where, 'The record has no metadata or no metrics.', 'The file is cut off or from another tool.')
    const isMeasured = (metadata.benchmark_phase ?? 'profiling') === 'profiling' && metadata.was_cancelled !== true && !error
    if (!isMeasured) return
    const metric = (name: string, least: number) => number((metrics[name] as Json | undefined)?.value, `${where}: metrics.${name}`, least)
    const arrivalS = (number(metadata.request_start_ns, `${where}: metadata.request_start_ns`, 0) - originNs) / 1e9
    const firstTokenS = arrivalS + metric('time_to_first_token', 0) / 1e3
    const lastTokenS = arrivalS + metric('request_latency', 0) / 1e3
    requests.push(
      request(
        i,
        metric('input_sequence_length', 1),
        metric('output_sequence_length', 1),
        arrivalS,
        firstTokenS,
        Math.max(firstTokenS, lastTokenS),
      ),
    )
  })
  return { tool: aiperf, model: undefined, requests, leftOut: records.length - requests.length }
}

function request(
  index: number,
  promptTokens: number,
  outputTokens: number,
  arrivalS: number,
  firstTokenS: number,
  lastTokenS: number,
): RecordedRequest {
  return { number: index, promptTokens, outputTokens, arrivalS, queuedS: arrivalS, firstTokenS, lastTokenS }
}

function number(value: unknown, where: string, least: number): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= least) return value
  throw bad(
    where,
    `The value is ${JSON.stringify(value) ?? 'missing'}; expected a number of ${least} or more.`,
    'The file is cut off or was edited.',
  )
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function bad(path: string, message: string, hint: string): ServesimError {
  return new ServesimError('SERVESIM_BAD_FILE', path, message, hint)
}
