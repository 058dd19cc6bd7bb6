import { ServesimError } from '@servesim/core'
import { azure } from './formats/azure.js'
import { shortened } from './formats/fields.js'
import { llmservingsim } from './formats/llmservingsim.js'
import { mooncake } from './formats/mooncake.js'
import { vidur } from './formats/vidur.js'
import type { Trace } from './trace.js'
import { TraceBuilder } from './trace-builder.js'
import type { TraceInput, TraceReader } from './trace-reader.js'

/** The formats this package reads. */
export const traceReaders: readonly TraceReader[] = [llmservingsim, mooncake, vidur, azure]

export interface ReadTraceOptions {
  /** Names the input in messages. */
  source?: string
  /** Formats to look for; the first that recognises the first line reads the file. Default: `traceReaders`. */
  readers?: readonly TraceReader[]
  /** Tokens that one prefix id covers, an integer ≥ 1; default: as the format has it (token ids: 16, Mooncake: 512). */
  groupTokens?: number
}

/** The format of a file by its first line that is not blank; undefined where none fits. */
export function recogniseTrace(firstLine: string, readers: readonly TraceReader[] = traceReaders): TraceReader | undefined {
  return readers.find((reader) => reader.recognises(firstLine))
}

/** Reads a whole text. @throws ServesimError SERVESIM_BAD_TRACE with source and line, SERVESIM_EMPTY_WORKLOAD without a request */
export function parseTrace(text: string, options: ReadTraceOptions = {}): Trace {
  const parser = new TraceParser(options)
  parser.push(text)
  return parser.finish()
}

/** Reads a stream of bytes piece by piece, such as a file or the body of a response. @throws as `parseTrace` */
export async function readTrace(pieces: AsyncIterable<Uint8Array>, options: ReadTraceOptions = {}): Promise<Trace> {
  const parser = new TraceParser(options)
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const decoded = (piece?: Uint8Array): string => {
    try {
      return decoder.decode(piece, { stream: piece !== undefined })
    } catch {
      throw parser.notText()
    }
  }
  for await (const piece of pieces) parser.push(decoded(piece))
  parser.push(decoded())
  return parser.finish()
}

/** A longer line is no trace of requests; without the limit a file without line breaks would fill the memory. */
const MAX_LINE_CHARACTERS = 2 ** 26

/** Cuts text into lines and hands them to the reader that the first one calls for. */
class TraceParser {
  private readonly source: string
  private readonly rows = new TraceBuilder()
  private rest = ''
  private lineNumber = 0
  private endsInside = false
  private reader: TraceReader | undefined
  private readLine: ((line: string) => void) | undefined

  constructor(private readonly options: ReadTraceOptions) {
    this.source = options.source ?? 'trace'
    const { groupTokens } = options
    if (groupTokens !== undefined && !(Number.isInteger(groupTokens) && groupTokens >= 1 && groupTokens <= 65536)) {
      throw new ServesimError('SERVESIM_BAD_OPTION', 'groupTokens', `groupTokens is ${groupTokens}; expected an integer, 1 to 65536.`)
    }
  }

  push(text: string): void {
    if (text.includes('\0')) throw this.notText()
    let start = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      this.line(this.rest + text.slice(start, end))
      this.rest = ''
      start = end + 1
    }
    this.rest += text.slice(start)
    if (this.rest.length > MAX_LINE_CHARACTERS) {
      this.lineNumber++
      throw this.error(`A line is longer than ${MAX_LINE_CHARACTERS} characters.`, 'A trace holds one request or session per line.')
    }
  }

  finish(): Trace {
    this.endsInside = true
    this.line(this.rest)
    if (this.reader === undefined || this.rows.requestCount === 0) {
      throw new ServesimError(
        'SERVESIM_EMPTY_WORKLOAD',
        this.source,
        'The trace holds no request; expected at least one line with one.',
        'Is it the right file, and was it written to its end?',
      )
    }
    return this.rows.finish(this.source, this.reader.name)
  }

  private line(line: string): void {
    this.lineNumber++
    const text = line.trim()
    if (text === '') return
    this.readLine ??= this.open(text)
    this.readLine(text)
  }

  private open(firstLine: string): (line: string) => void {
    const readers = this.options.readers ?? traceReaders
    this.reader = recogniseTrace(firstLine, readers)
    if (this.reader === undefined) {
      const known = readers.map((reader) => `  ${reader.name}: ${reader.example}`).join('\n')
      throw this.error(`The first line fits no known trace format: ${shortened(firstLine)}`, `expected a first line like one of\n${known}`)
    }
    const input: TraceInput = {
      rows: this.rows,
      groupTokens: this.options.groupTokens,
      error: (message, hint) => this.error(message, hint),
    }
    return this.reader.open(input)
  }

  private error(message: string, hint?: string): ServesimError {
    const cutOff = this.endsInside ? 'The file ends without a line break, so it may be half-written.' : undefined
    const hints = [cutOff, hint].filter((h) => h !== undefined).join(' ')
    return new ServesimError('SERVESIM_BAD_TRACE', `${this.source}:${this.lineNumber}`, message, hints === '' ? undefined : hints)
  }

  notText(): ServesimError {
    this.lineNumber++
    return this.error(
      'The file holds bytes that are not UTF-8 text; expected lines of JSON or CSV.',
      'If it is compressed, unpack it first.',
    )
  }
}
