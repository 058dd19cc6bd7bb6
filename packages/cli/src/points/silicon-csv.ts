import { readFileSync } from 'node:fs'
import { ServesimError } from '@servesim/core'

/** One measured serving point: a benchmark at a fixed concurrency. */
export interface SiliconRow {
  id: string
  source: string
  backend: string
  /** Container tag; empty where unknown. */
  version: string
  model: string
  /** Folder of the system's tables, such as `h100_sxm`. */
  system: string
  mode: string
  /** Nominal lengths, tokens. */
  inputTokens: number
  outputTokens: number
  gemmQuantisation: string
  moeQuantisation: string
  /** Requests under way in each attention data-parallel rank. */
  batchSize: number
  tensor: number
  pipeline: number
  attentionData: number
  moeTensor: number
  moeExpert: number
  ttftMs: number
  tpotMs: number
}

const required = ['id', 'backend', 'model_path', 'system', 'mode', 'isl', 'osl', 'silicon_ttft_ms', 'silicon_tpot_ms'] as const

/** @throws ServesimError SERVESIM_BAD_FILE naming the column or line, SERVESIM_EMPTY_WORKLOAD where there is no row */
export function readSiliconRows(path: string): SiliconRow[] {
  const [header, ...lines] = parseLines(readText(path))
  const missing = required.filter((column) => !header?.includes(column))
  if (header === undefined || missing.length > 0)
    throw bad(path, `The columns ${missing.join(', ')} are missing.`, 'Expected the columns of AIConfigurator’s silicon set.')
  if (lines.length === 0) throw new ServesimError('SERVESIM_EMPTY_WORKLOAD', path, 'The file has a header and no row.')
  return lines.map((fields, i) => {
    const where = `${path}:${i + 2}`
    if (fields.length !== header.length)
      throw bad(where, `The line has ${fields.length} fields, the header ${header.length}.`, 'The file is cut off or damaged.')
    const text = (column: string) => fields[header.indexOf(column)]?.trim() ?? ''
    const figure = (column: string): number => {
      const value = Number(text(column))
      if (text(column) !== '' && Number.isFinite(value) && value > 0) return value
      throw bad(where, `${column} is "${text(column)}"; expected a number above 0.`, 'Correct the row or leave it out.')
    }
    // Dense models have no experts' sizes, or 0.
    const size = (column: string) => (text(column) === '' || Number(text(column)) === 0 ? 1 : figure(column))
    return {
      id: text('id'),
      source: text('silicon_data_source'),
      backend: text('backend'),
      version: text('backend_version'),
      model: text('model_path'),
      system: text('system'),
      mode: text('mode'),
      inputTokens: figure('isl'),
      outputTokens: figure('osl'),
      gemmQuantisation: text('gemm_quant_mode'),
      moeQuantisation: text('moe_quant_mode'),
      batchSize: size('batch_size'),
      tensor: size('tp_size'),
      pipeline: size('pp_size'),
      attentionData: size('attention_dp_size'),
      moeTensor: size('moe_tp_size'),
      moeExpert: size('moe_ep_size'),
      ttftMs: figure('silicon_ttft_ms'),
      tpotMs: figure('silicon_tpot_ms'),
    }
  })
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw bad(path, `It cannot be read: ${(error as Error).message}.`, 'Name a CSV file of measured serving points.')
  }
}

/** Lines of fields; a field in double quotes may hold commas and line breaks, and a doubled quote for one. */
function parseLines(text: string): string[][] {
  const lines: string[][] = []
  let fields: string[] = []
  const cell = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r?\n|$)/gy
  for (let match = cell.exec(text); match !== null && cell.lastIndex <= text.length; match = cell.exec(text)) {
    const [, raw, end] = match as unknown as [string, string, string]
    fields.push(raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw)
    if (end !== ',') {
      if (fields.length > 1 || fields[0] !== '') lines.push(fields)
      fields = []
    }
    if (end === '' || cell.lastIndex === text.length) break
  }
  return lines
}

function bad(path: string, message: string, hint: string): ServesimError {
  return new ServesimError('SERVESIM_BAD_FILE', path, message, hint)
}
