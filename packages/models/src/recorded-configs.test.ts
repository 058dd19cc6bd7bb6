import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { catalogue } from './catalogue.js'
import { catalogueRows } from './catalogue-rows.js'
import { parseModelConfig } from './config.js'

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')
const data = join(process.env.SERVESIM_DATA ?? join(root, '../shared/data'), 'llmservingsim')
const names = [
  'meta-llama/Llama-3.1-8B',
  'meta-llama/Llama-3.1-70B',
  'Qwen/Qwen3-32B',
  'Qwen/Qwen3-30B-A3B-Instruct-2507',
  'mistralai/Mixtral-8x7B-v0.1',
]
const bundle = (model: string, table: string) => join(data, 'profiler/perf/RTXPRO6000', model, 'bf16/tp1', table)

describe.skipIf(!existsSync(data))('published files (SERVESIM_DATA; skipped where absent)', () => {
  it.each(names)('the catalogue agrees with the config.json of %s', (id) => {
    const published = JSON.parse(readFileSync(join(data, 'configs/model', `${id}.json`), 'utf8')) as unknown
    const row = catalogueRows.find((r) => r.id === id)!
    expect(parseModelConfig(row.config, id)).toEqual(parseModelConfig(published, id))
  })

  it.each(['meta-llama/Llama-3.1-8B', 'Qwen/Qwen3-30B-A3B-Instruct-2507'])(
    'every measured layer of %s is an operator of that name and rows',
    (id) => {
      const { operators } = catalogue.resolve(id)!.shard({ tensor: 1, pipeline: 1, expert: 1 }, {})
      const names = (rows: string) => operators.filter((o) => 'rows' in o && o.rows === rows).map((o) => o.name)
      expect(new Set(names('tokens'))).toEqual(layersOf(bundle(id, 'dense.csv')))
      expect(new Set(names('sequences'))).toEqual(layersOf(bundle(id, 'per_sequence.csv')))
      expect(operators.some((o) => o.kind === 'moe')).toBe(existsSync(bundle(id, 'moe.csv')))
    },
  )
})

function layersOf(file: string): Set<string> {
  const [, ...lines] = readFileSync(file, 'utf8').trim().split('\n')
  return new Set(lines.map((line) => line.split(',')[0]!))
}
