import { definePoint, type ServesimError } from '@servesim/core'
import type { TraceBuilder } from './trace-builder.js'

/** One format of recorded requests, read line by line. */
export interface TraceReader {
  /** kebab-case, unique. */
  readonly name: string
  /** A line as the format has it; shown where a file fits no format. */
  readonly example: string
  /** @param firstLine the first line that is not blank, whole; it may be half-written, so look for keys and do not parse */
  recognises(firstLine: string): boolean
  /**
   * Starts one file.
   * @returns called with each line that is not blank, in order, the first included, without line ending; adds rows or throws `input.error`
   */
  open(input: TraceInput): (line: string) => void
}

/** What a reader works with. */
export interface TraceInput {
  readonly rows: TraceBuilder
  /** Tokens that one prefix id covers, where the user set it; else the format's own. */
  readonly groupTokens: number | undefined
  /**
   * The error for the line being read: the caller of the reader knows file and line.
   * @param message what was found and what was expected, a sentence
   */
  error(message: string, hint?: string): ServesimError
}

/** Formats of trace files. The first reader that recognises a file reads it. */
export const traceReader = definePoint<TraceReader>({ id: 'servesim/trace-reader', contract: 1, cardinality: 'chain', scope: 'cluster' })
