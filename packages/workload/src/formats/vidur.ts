import type { TraceReader } from '../trace-reader.js'
import { columnIndices, csvFields, decimal, requireFieldCount } from './csv.js'
import { scaledNs, tokenCount } from './fields.js'

const COLUMNS = ['arrived_at', 'num_prefill_tokens', 'num_decode_tokens'] as const
const NS_PER_SECOND = 1e9

/**
 * Vidur's replay CSV, the form in which the Azure 2023 traces of Splitwise are passed around: seconds from the first request.
 * Source: microsoft/vidur, trace replay generator.
 */
export const vidur: TraceReader = {
  name: 'vidur',
  example: COLUMNS.join(','),
  recognises: (firstLine) => columnIndices(firstLine, COLUMNS).every((index) => index >= 0),
  open(input) {
    let width = 0
    let at: number[] = []
    return (line) => {
      const fields = csvFields(line)
      if (width === 0) {
        width = fields.length
        at = columnIndices(line, COLUMNS)
        return
      }
      requireFieldCount(fields, width, line, input)
      const [arrivedAt, prefillTokens, decodeTokens] = at.map((index) => decimal(fields[index]!))
      input.rows.add(
        scaledNs(arrivedAt, NS_PER_SECOND, 'seconds', COLUMNS[0], input),
        tokenCount(prefillTokens, COLUMNS[1], input),
        tokenCount(decodeTokens, COLUMNS[2], input),
      )
    }
  },
}
