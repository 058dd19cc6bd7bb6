import { expect, it } from 'vitest'
import { RequestTable } from './request-table.js'

it('uses freed rows again, so that it grows with what is in flight and not with what has passed', () => {
  const table = new RequestTable()
  for (let i = 0; i < 10_000; i++) {
    const rows = [table.allocate(), table.allocate()]
    expect(table.inFlight).toBe(2)
    for (const row of rows) table.release(row)
  }
  expect(table.arrivalNs.length).toBe(1024)
  expect(table.inFlight).toBe(0)
})

it('keeps what rows hold when it grows, and gives every row once', () => {
  const table = new RequestTable()
  const rows = Array.from({ length: 3000 }, (_, i) => {
    const row = table.allocate()
    table.promptTokens[row] = i
    table.arrivalNs[row] = i / 2
    table.status[row] = i % 4
    return row
  })
  expect(new Set(rows).size).toBe(rows.length)
  rows.forEach((row, i) => {
    expect([table.promptTokens[row], table.arrivalNs[row], table.status[row]]).toEqual([i, i / 2, i % 4])
  })
})

it('clears a row before it is used again', () => {
  const table = new RequestTable()
  const clean = { ...snapshot(table, table.allocate()) }
  const row = table.allocate()
  for (const column of columns(table)) column[row] = 1
  table.release(row)
  const again = table.allocate()
  expect(again).toBe(row)
  // What every arrival sets is not cleared.
  const {
    arrivalIndex: _,
    arrivalNs: __,
    priority: ___,
    promptTokens: ____,
    maxOutputTokens: _____,
    stopTokens: ______,
    ...cleared
  } = snapshot(table, again)
  expect(clean).toMatchObject(cleared)
})

type Column = Float64Array | Int32Array | Uint8Array

function columns(table: RequestTable): Column[] {
  return Object.values(table).filter(
    (value): value is Column => ArrayBuffer.isView(value) && (value as Column).length === table.arrivalNs.length,
  )
}

function snapshot(table: RequestTable, row: number): Record<string, number> {
  const entries = Object.entries(table).filter(([name, value]) => ArrayBuffer.isView(value) && name !== 'freeRows')
  return Object.fromEntries(entries.map(([name, value]) => [name, (value as Column)[row]!]))
}
