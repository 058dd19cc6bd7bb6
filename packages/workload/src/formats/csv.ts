import type { TraceInput } from '../trace-reader.js'
import { shortened } from './fields.js'

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/

/** The fields of one line. Trace formats hold numbers and times, never quoted commas, so a split is a parser. */
export function csvFields(line: string): string[] {
  return line.split(',').map((field) => field.trim())
}

/** Where each wanted column stands in the header; other columns are skipped. */
export function columnIndices(header: string, wanted: readonly string[]): number[] {
  const names = csvFields(header)
  return wanted.map((name) => names.indexOf(name))
}

/** @throws where the line has another number of fields than the header */
export function requireFieldCount(fields: readonly string[], expected: number, line: string, input: TraceInput): void {
  if (fields.length === expected) return
  throw input.error(`The line has ${fields.length} fields, the header ${expected}: ${shortened(line)}`)
}

/** A decimal number, or the text itself where it is none, which no check of a number lets pass. */
export function decimal(text: string): number | string {
  return DECIMAL.test(text) ? Number(text) : text
}
