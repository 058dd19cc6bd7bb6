// Reads NVIDIA AIConfigurator's operator tables: bf16, whole context, latency in µs.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'

const root = process.env.SERVESIM_DATA ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url))

/** @typedef {'gemm' | 'decode' | 'prefill' | 'moe' | 'gemmFp8' | 'moeFp8'} FamilyName */
/** @typedef {{ curve: string, us: number, [key: string]: number | string }} Row `curve` names the rows that are left out together */

/** @type {Record<FamilyName, { path: string, file: string, keep: (row: any) => boolean, row: (row: any) => Row }>} */
const layouts = {
  gemm: {
    path: 'gemm',
    file: 'gemm_perf',
    keep: (r) => r.gemm_dtype === 'bfloat16',
    row: gemmRow,
  },
  gemmFp8: { path: 'gemm', file: 'gemm_perf', keep: (r) => r.gemm_dtype === 'fp8', row: gemmRow },
  moeFp8: { path: 'moe', file: 'moe_perf', keep: (r) => keepMoe(r, 'fp8_block'), row: moeRow },
  decode: { path: 'attention', file: 'generation_attention_perf', keep: plainAttention, row: (r) => attentionRow(r, Number(r.step) + 1) },
  prefill: {
    path: 'attention',
    file: 'context_attention_perf',
    // One new token per sequence is decode.
    keep: (r) => plainAttention(r) && Number(r.isl) > 1,
    row: (r) => attentionRow(r, Number(r.isl)),
  },
  moe: {
    path: 'moe',
    file: 'moe_perf',
    keep: (r) => keepMoe(r, 'bfloat16'),
    row: moeRow,
  },
}

/**
 * @param {any} r
 * @param {string} dtype
 */
function keepMoe(r, dtype) {
  const [tokens, topK, experts] = [Number(r.num_tokens), Number(r.topk), Number(r.num_experts)]
  // Experts without a gate (hidden 2688) and latent ones (top 22) have other matrices; slices narrower than 128 and the hot rank of
  // a skewed routing are no layers that vLLM runs unasked.
  const usual = Number(r.hidden_size) !== 2688 && topK <= 10 && Number(r.inter_size) / Number(r.moe_tp_size) >= 128 && tokens <= 16_384
  // Skewed rows do not say how many experts they visit, except with one token (top-k) and where every expert has work.
  const visitsKnown = r.distribution === 'balanced' || (Number(r.moe_ep_size) === 1 && (tokens === 1 || tokens * topK >= 8 * experts))
  return r.moe_dtype === dtype && usual && visitsKnown
}

/** @param {any} r */
function moeRow(r) {
  return {
    curve: [r.hidden_size, r.inter_size, r.topk, r.num_experts, r.moe_tp_size, r.moe_ep_size].join('-'),
    us: r.latency * 1e3,
    tokens: Number(r.num_tokens),
    routing: r.distribution === 'balanced' ? 'even' : 'random',
    hiddenSize: Number(r.hidden_size),
    intermediateSize: Number(r.inter_size) / Number(r.moe_tp_size),
    topK: Number(r.topk),
    experts: Number(r.num_experts),
    localExperts: Number(r.num_experts) / Number(r.moe_ep_size),
  }
}

/** @param {any} r */
function gemmRow(r) {
  return { curve: `${r.n}x${r.k}`, us: r.latency * 1e3, m: Number(r.m), n: Number(r.n), k: Number(r.k) }
}

/** @param {any} r */
function plainAttention(r) {
  const headDim = Number(r.head_dim)
  return (
    r.attn_dtype === 'bfloat16' && r.kv_cache_dtype === 'bfloat16' && !(Number(r.window_size) > 0) && (headDim === 64 || headDim === 128)
  )
}

/**
 * @param {any} r
 * @param {number} tokens
 * @returns {Row}
 */
function attentionRow(r, tokens) {
  const [heads, kvHeads, headDim] = [Number(r.num_heads), Number(r.num_key_value_heads), Number(r.head_dim)]
  return { curve: `${heads}-${kvHeads}-${headDim}`, us: r.latency * 1e3, sequences: Number(r.batch_size), tokens, heads, kvHeads, headDim }
}

export const tablesPresent = existsSync(join(root, 'aiconfigurator'))

/**
 * @param {string} system folder, such as `h100_sxm`
 * @param {FamilyName} family
 * @param {string} release of vLLM, such as `0.19.0`
 * @returns {Promise<Row[]>} first row of each key, as AIConfigurator reads them
 */
export async function readTable(system, family, release) {
  const { path, file, keep, row } = layouts[family]
  const parquet = join(root, 'aiconfigurator', system, path, 'vllm', release, `${file}.parquet`)
  const raw = await parquetReadObjects({ file: await asyncBufferFromFile(parquet), compressors })
  const rows = new Map()
  for (const r of raw) {
    if (r.version !== release || !keep(r)) continue
    const { us, ...key } = row(r)
    const id = JSON.stringify(key)
    if (!rows.has(id)) rows.set(id, { us, ...key })
  }
  return family === 'gemmFp8' ? believable([...rows.values()]) : [...rows.values()]
}

/** Up to this many rows weights bind. */
const weightBound = 256

/**
 * Some tables of the newest release have points that stand out by up to twice their neighbours, at random. Where weights bind, a product of more rows can
 * stand in for one of fewer: a point a quarter above one of more rows is no property of the kernel.
 * @param {Row[]} rows
 */
function believable(rows) {
  /** @type {Map<string, Row[]>} */
  const curves = new Map()
  for (const row of rows) {
    const curve = curves.get(row.curve)
    if (curve === undefined) curves.set(row.curve, [row])
    else curve.push(row)
  }
  return [...curves.values()].flatMap((curve) => {
    let least = Number.POSITIVE_INFINITY
    return curve
      .sort((a, b) => Number(b.m) - Number(a.m))
      .filter((row) => {
        if (Number(row.m) > weightBound) return true
        least = Math.min(least, row.us)
        return row.us <= 1.25 * least
      })
  })
}

/**
 * One curve in five is never fitted to.
 * @param {Row} row
 */
export function isLeftOut(row) {
  let hash = 2166136261
  for (const character of row.curve) hash = Math.imul(hash ^ character.charCodeAt(0), 16777619) >>> 0
  return (hash >>> 7) % 5 === 0
}
