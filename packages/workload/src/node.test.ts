import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { errorOf } from '../test/support.js'
import { readTraceFile } from './node.js'

const folder = mkdtempSync(join(tmpdir(), 'servesim-workload-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('reads a file whose lines straddle the pieces it is read in', async () => {
  const path = join(folder, 'long.txt')
  const ids = Array.from({ length: 100_000 }, (_, i) => i)
  const line = JSON.stringify({ arrival_time_ns: 1, input_toks: ids.length, output_toks: 1, input_tok_ids: ids })
  writeFileSync(path, `${line}\n${line}\n${line}\n`)
  const trace = await readTraceFile(path)
  expect([trace.source, trace.requestCount, trace.prefixIds.length]).toEqual([path, 3, 3 * 6250])
})

test('names file and line of a mistake', async () => {
  const path = join(folder, 'cut.csv')
  writeFileSync(path, 'arrived_at,num_prefill_tokens,num_decode_tokens\n0,1')
  const error = await errorOf(() => readTraceFile(path))
  expect([error.code, error.path]).toEqual(['SERVESIM_BAD_TRACE', `${path}:2`])
})

test('says that there is no such file', async () => {
  const error = await errorOf(() => readTraceFile(join(folder, 'missing.jsonl')))
  expect([error.code, error.message]).toEqual(['SERVESIM_BAD_FILE', 'There is no such file.'])
})

test('says that a folder is no file', async () => {
  expect((await errorOf(() => readTraceFile(folder))).message).toContain('folder')
})
