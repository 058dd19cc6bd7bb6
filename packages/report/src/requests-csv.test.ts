import { RequestColumns, RequestTable } from '@servesim/core'
import { expect, test } from 'vitest'
import { requestsCsv } from './requests-csv.js'

test('rows come in order of arrival, below the names of the columns', () => {
  const table = new RequestTable()
  const columns = new RequestColumns()
  for (const index of [2, 0, 1]) {
    const request = table.allocate()
    table.arrivalIndex[request] = index
    table.arrivalNs[request] = index * 1000
    table.promptTokens[request] = 10 + index
    columns.append(table, request)
  }
  const lines = [...requestsCsv(columns)].join('').trimEnd().split('\n')
  expect(lines[0]!.split(',').slice(0, 3)).toEqual(['arrivalIndex', 'arrivalNs', 'queuedNs'])
  expect(lines.slice(1).map((line) => line.split(',').slice(0, 2).join())).toEqual(['0,0', '1,1000', '2,2000'])
})
