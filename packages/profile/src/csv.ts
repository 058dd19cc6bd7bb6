import { ServesimError } from '@servesim/core'

const LINE_BREAK = 10
const CARRIAGE_RETURN = 13
const COMMA = 44
const POINT = 46
const ZERO = 48
const POWERS_OF_TEN = Float64Array.from({ length: 16 }, (_, power) => Number(`1e${power}`))

/** Columns of a table, in the order of the file. */
export interface CsvTable {
  rows: number
  /** Names of the header, trimmed. */
  header: string[]
  text(column: string): string[]
  /** @throws ServesimError SERVESIM_BAD_BUNDLE naming file and line where a cell is no finite number ≥ 0 */
  numbers(column: string): Float64Array
}

/**
 * Reads a comma-separated table without quoting, as bundles hold. Columns that nobody asks for are never converted.
 * @param path names the file in errors, with the line
 * @param required columns that must be there
 * @throws ServesimError SERVESIM_BAD_BUNDLE where the file is empty, lacks a column or is cut off
 */
export function parseCsv(source: string, path: string, required: readonly string[]): CsvTable {
  const text = source.trimEnd()
  if (text === '') throw bad(path, 'The table is empty.', `Expected the columns ${required.join(',')} and at least one row.`)
  if (!source.endsWith('\n'))
    throw bad(
      `${path}:${source.split('\n').length}`,
      'The last line has no end: the file is cut off.',
      'Copy or write it again; a complete table ends with a line break.',
    )
  const [first] = text.split('\n', 1) as [string]
  const header = first.split(',').map((name) => name.trim())
  for (const column of required)
    if (!header.includes(column))
      throw bad(`${path}:1`, `The column "${column}" is missing; found ${header.join(', ')}.`, `Expected ${required.join(',')}.`)
  if (first.length === text.length) throw bad(path, 'The table has a header and no row.', 'Measure or copy it again.')
  const width = header.length
  const starts = cellStarts(text, first.length + 1, width, path)
  const rows = (starts.length - 1) / width
  const cell = (row: number, column: number) => text.slice(starts[row * width + column]!, starts[row * width + column + 1]! - 1).trim()
  return {
    rows,
    header,
    text(name) {
      const column = header.indexOf(name)
      return Array.from({ length: rows }, (_, row) => cell(row, column))
    },
    numbers(name) {
      const column = header.indexOf(name)
      const values = new Float64Array(rows)
      for (let row = 0; row < rows; row++) {
        const value = parseNumber(text, starts[row * width + column]!, starts[row * width + column + 1]! - 1)
        if (!(value >= 0 && value < Number.POSITIVE_INFINITY))
          throw bad(
            `${path}:${row + 2}`,
            `Column "${name}" holds "${cell(row, column)}"; expected a number ≥ 0.`,
            'Measure this row again, or remove it.',
          )
        values[row] = value
      }
      return values
    },
  }
}

/**
 * Where each cell begins, row by row; its end is one before the next begins, and one more entry closes the last.
 * @param from first character after the header's line break
 */
function cellStarts(text: string, from: number, width: number, path: string): Int32Array {
  let rows = 1
  for (let at = text.indexOf('\n', from); at >= 0; at = text.indexOf('\n', at + 1)) rows++
  const starts = new Int32Array(rows * width + 1)
  let row = 0
  let cells = 1
  starts[0] = from
  for (let at = from; at <= text.length; at++) {
    const code = at === text.length ? LINE_BREAK : text.charCodeAt(at)
    if (code === COMMA) {
      if (cells < width) starts[row * width + cells] = at + 1
      cells++
    } else if (code === LINE_BREAK) {
      if (cells !== width)
        throw bad(
          `${path}:${row + 2}`,
          `The line has ${cells} cells; the header has ${width}.`,
          'The file is cut off or damaged: copy or write it again.',
        )
      row++
      cells = 1
      starts[row * width] = at + 1
    }
  }
  return starts
}

/**
 * The number in `text[from, to)`, NaN where there is none. Plain decimals of up to 15 digits, which is what tables hold, are read without
 * making a string; digits and power of ten are then exact, so their quotient is the correctly rounded value, as `Number` gives it.
 */
function parseNumber(text: string, from: number, to: number): number {
  let digits = 0
  let mantissa = 0
  let point = -1
  const end = to > from && text.charCodeAt(to - 1) === CARRIAGE_RETURN ? to - 1 : to
  for (let at = from; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code >= ZERO && code <= ZERO + 9) {
      mantissa = mantissa * 10 + code - ZERO
      digits++
    } else if (code === POINT && point < 0) point = at
    else return slowNumber(text.slice(from, to))
  }
  if (digits === 0 || digits > 15) return slowNumber(text.slice(from, to))
  return point < 0 ? mantissa : mantissa / POWERS_OF_TEN[end - point - 1]!
}

function slowNumber(cell: string): number {
  return cell.trim() === '' ? Number.NaN : Number(cell)
}

/** @returns the table as text, ending with a line break */
export function formatCsv(columns: Record<string, ArrayLike<string | number>>): string {
  const names = Object.keys(columns)
  const values = Object.values(columns)
  const lines = [names.join(',')]
  for (let row = 0; row < values[0]!.length; row++) lines.push(values.map((column) => String(column[row])).join(','))
  return `${lines.join('\n')}\n`
}

function bad(path: string, message: string, hint: string): ServesimError {
  return new ServesimError('SERVESIM_BAD_BUNDLE', path, message, hint)
}
