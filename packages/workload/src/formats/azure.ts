import type { TraceInput, TraceReader } from '../trace-reader.js'
import { columnIndices, csvFields, decimal, requireFieldCount } from './csv.js'
import { shown, tokenCount } from './fields.js'

const COLUMNS = ['TIMESTAMP', 'ContextTokens', 'GeneratedTokens'] as const
const TIME = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{0,9}))?\s?(?:Z|([+-])(\d\d):?(\d\d))?$/

/**
 * The Azure LLM inference traces of 2023 and 2024: wall-clock times with 0 to 9 fraction digits and an optional zone (UTC without),
 * counted here from the earliest row. Source: Azure/AzurePublicDataset.
 */
export const azure: TraceReader = {
  name: 'azure',
  example: COLUMNS.join(','),
  recognises: (firstLine) => columnIndices(firstLine, COLUMNS).every((index) => index >= 0),
  open(input) {
    let width = 0
    let at: number[] = []
    let originSeconds = Number.NaN
    input.rows.startsAtFirstArrival = true
    return (line) => {
      const fields = csvFields(line)
      if (width === 0) {
        width = fields.length
        at = columnIndices(line, COLUMNS)
        return
      }
      requireFieldCount(fields, width, line, input)
      const [timestamp, contextTokens, generatedTokens] = at.map((index) => fields[index]!) as [string, string, string]
      const time = wallClock(timestamp, input)
      if (Number.isNaN(originSeconds)) originSeconds = time.epochSeconds
      // Epoch ns do not fit a float64; differences of whole seconds do.
      const arrivalNs = (time.epochSeconds - originSeconds) * 1e9 + time.fractionNs
      if (!Number.isSafeInteger(arrivalNs)) throw input.error(`TIMESTAMP ${timestamp} is more than 104 days from the first row.`)
      input.rows.add(
        arrivalNs,
        tokenCount(decimal(contextTokens), COLUMNS[1], input),
        tokenCount(decimal(generatedTokens), COLUMNS[2], input),
      )
    }
  },
}

/** `Date` keeps ms only, so the fraction is read apart. */
function wallClock(text: string, input: TraceInput): { epochSeconds: number; fractionNs: number } {
  const match = TIME.exec(text)
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = (match ?? []).slice(1, 7).map(Number)
  const zoneMinutes = match?.[8] === undefined ? 0 : (Number(match[9]) * 60 + Number(match[10])) * (match[8] === '-' ? -1 : 1)
  const daysInMonth = new Date(Date.UTC(year, month, 0)).getUTCDate()
  if (match === null || month < 1 || month > 12 || day < 1 || day > daysInMonth || hour > 23 || minute > 59 || second > 59) {
    throw input.error(`TIMESTAMP is ${shown(text)}; expected a time such as 2023-11-16 18:17:03.9799600 or 2024-05-10 00:00:00+00:00.`)
  }
  return {
    epochSeconds: Date.UTC(year, month - 1, day, hour, minute, second) / 1000 - zoneMinutes * 60,
    fractionNs: Number((match[7] ?? '').padEnd(9, '0')),
  }
}
