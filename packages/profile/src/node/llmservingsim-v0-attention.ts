import { join } from 'node:path'
import { ServesimError } from '@servesim/core'
import type { AttentionSamples } from '../bundle.js'
import { type CsvTable, parseCsv } from '../csv.js'
import { type AttentionRow, attentionRows } from './attention-rows.js'
import { readIfPresent } from './files.js'

/**
 * Attention in the older layout: what was measured on a TPU (`mean_ns`) or on a GPU (statistics in ms); where there is neither, what its
 * predictor made of measurements.
 * @throws ServesimError SERVESIM_BAD_BUNDLE
 */
export function readAttentionV0(folder: string): AttentionSamples {
  const path = join(folder, 'attention.csv')
  const text = readIfPresent(path)
  if (text === undefined) return predicted(folder)
  const table = parseCsv(text, path, ['prefill_chunk_size', 'kv_cache_size', 'batch_size', 'is_prefill'])
  const isPrefill = table.text('is_prefill').map((value) => value.toLowerCase() === 'true')
  const us = latencies(table, isPrefill, path)
  const chunks = table.numbers('prefill_chunk_size')
  const contexts = table.numbers('kv_cache_size')
  const batches = table.numbers('batch_size')
  return attentionRows(
    isPrefill.flatMap((prefill, i): AttentionRow[] => {
      if (!prefill) return [{ decodes: batches[i]!, decodeContext: contexts[i]!, us: us(i) }]
      return batches[i] === 1 ? [{ newTokens: chunks[i]!, context: contexts[i]!, us: us(i) }] : []
    }),
  )
}

function latencies(table: CsvTable, isPrefill: readonly boolean[], path: string): (row: number) => number {
  if (table.header.includes('mean_ns')) {
    const ns = table.numbers('mean_ns')
    return (row) => ns[row]! / 1e3
  }
  if (!table.header.includes('time_stats.attn_prefill.mean'))
    throw new ServesimError(
      'SERVESIM_BAD_BUNDLE',
      `${path}:1`,
      'The table has neither mean_ns nor time_stats.attn_prefill.mean.',
      'Copy the profile again, or name the folder of another.',
    )
  const prefill = table.text('time_stats.attn_prefill.mean')
  const decode = table.text('time_stats.attn_decode.mean')
  return (row) => Number(isPrefill[row] ? prefill[row] : decode[row]) * 1e3
}

function predicted(folder: string): AttentionSamples {
  const read = (name: string, columns: readonly string[]) => {
    const path = join(folder, 'predictions', name)
    const text = readIfPresent(path)
    if (text !== undefined) return parseCsv(text, path, columns)
    throw new ServesimError(
      'SERVESIM_BAD_BUNDLE',
      path,
      'There is neither attention.csv nor a prediction of it.',
      'Copy the profile again: without attention no step can be priced.',
    )
  }
  const prefill = read('attn_prefill_predictions.csv', ['kv_cache_size', 'prefill_chunk_size', 'prediction'])
  const decode = read('attn_decode_predictions.csv', ['batch_size', 'kv_cache_size', 'prediction'])
  const [chunks, contexts, chunkNs] = ['prefill_chunk_size', 'kv_cache_size', 'prediction'].map((name) => prefill.numbers(name))
  const [batches, decodeContexts, decodeNs] = ['batch_size', 'kv_cache_size', 'prediction'].map((name) => decode.numbers(name))
  return attentionRows([
    ...Array.from(chunks!, (newTokens, i) => ({ newTokens, context: contexts![i]!, us: chunkNs![i]! / 1e3 })),
    ...Array.from(batches!, (decodes, i) => ({ decodes, decodeContext: decodeContexts![i]!, us: decodeNs![i]! / 1e3 })),
  ])
}
