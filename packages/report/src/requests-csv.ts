import { type RequestColumns, requestColumnNames } from '@servesim/core'

const rowsPerPiece = 4096

/**
 * Finished requests in order of arrival, a header first. Times are integer ns from the start of the simulation.
 * @returns text in pieces of some thousand rows
 */
export function* requestsCsv(requests: RequestColumns): Generator<string> {
  yield `${requestColumnNames.join(',')}\n`
  const columns = requestColumnNames.map((name) => requests.column(name))
  const arrival = requests.column('arrivalIndex')
  const order = Int32Array.from({ length: requests.length }, (_, row) => row).sort((a, b) => arrival[a]! - arrival[b]!)
  for (let start = 0; start < order.length; start += rowsPerPiece) {
    const rows = order.subarray(start, start + rowsPerPiece)
    yield Array.from(rows, (row) => `${columns.map((column) => column[row]!).join(',')}\n`).join('')
  }
}
