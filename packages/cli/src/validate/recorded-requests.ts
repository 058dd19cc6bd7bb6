import { existsSync, readFileSync } from 'node:fs'
import { ServesimError } from '@servesim/core'
import { type Figure, figuresOf } from '@servesim/report'

/** One request of a real run. Times are seconds; the client's clock (arrival) and the engine's (the others) have origins of their own. */
export interface RecordedRequest {
  /** Number in the request's name, such as 7 in `bench-7`: the order of submission. */
  number: number
  promptTokens: number
  outputTokens: number
  arrivalS: number
  queuedS: number
  firstTokenS: number
  lastTokenS: number
}

const timeFields = ['arrival_time', 'queued_ts', 'first_token_ts', 'last_token_ts'] as const

/** @throws ServesimError SERVESIM_BAD_FILE with file and line, SERVESIM_EMPTY_WORKLOAD */
export function readRecordedRequests(file: string): RecordedRequest[] {
  if (!existsSync(file))
    throw new ServesimError(
      'SERVESIM_BAD_FILE',
      file,
      'There is no such file.',
      'A recorded run is a folder with vllm/meta.json and vllm/requests.jsonl.',
    )
  const lines = readFileSync(file, 'utf8').split('\n')
  const requests = lines.flatMap((line, i) => (line.trim() === '' ? [] : [readRequest(line, `${file}:${i + 1}`, i)]))
  if (requests.length === 0)
    throw new ServesimError('SERVESIM_EMPTY_WORKLOAD', file, 'The recording holds no request.', 'Was it written to its end?')
  return requests.sort((a, b) => a.number - b.number)
}

function readRequest(line: string, where: string, index: number): RecordedRequest {
  const bad = (message: string) => new ServesimError('SERVESIM_BAD_FILE', where, message, 'The recording is cut off or from another tool.')
  let record: Record<string, unknown>
  try {
    record = JSON.parse(line) as Record<string, unknown>
  } catch {
    throw bad('The line is no JSON; expected one request.')
  }
  const figure = (key: string, least: number): number => {
    const value = record[key]
    if (typeof value === 'number' && Number.isFinite(value) && value >= least) return value
    throw bad(`${key} is ${JSON.stringify(value) ?? 'missing'}; expected a number of ${least} or more.`)
  }
  const [arrivalS, queuedS, firstTokenS, lastTokenS] = timeFields.map((key) => figure(key, 0)) as [number, number, number, number]
  if (!(queuedS <= firstTokenS && firstTokenS <= lastTokenS))
    throw bad(`Queued ${queuedS}, first token ${firstTokenS} and last token ${lastTokenS} are out of order.`)
  const name = /(\d+)$/.exec(String(record.request_id ?? ''))?.[1]
  return {
    number: name === undefined ? index : Number(name),
    promptTokens: figure('input_toks', 1),
    outputTokens: figure('output_toks', 1),
    arrivalS,
    queuedS,
    firstTokenS,
    lastTokenS,
  }
}

/** The fifteen figures of a recorded run, ms, TTFT and latency from the instant at which the engine took the request in. */
export function measuredFigures(requests: readonly RecordedRequest[]): Figure[] {
  const decoding = requests.filter((r) => r.outputTokens > 1)
  return [
    ...figuresOf(
      'ttft',
      requests.map((r) => (r.firstTokenS - r.queuedS) * 1e3),
    ),
    ...(decoding.length === 0
      ? []
      : figuresOf(
          'tpot',
          decoding.map((r) => ((r.lastTokenS - r.firstTokenS) / (r.outputTokens - 1)) * 1e3),
        )),
    ...figuresOf(
      'latency',
      requests.map((r) => (r.lastTokenS - r.queuedS) * 1e3),
    ),
  ]
}
