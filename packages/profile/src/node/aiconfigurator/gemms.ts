import type { Precision, Provenance } from '@servesim/core'
import { around, ascending, line } from './axis.js'
import type { Row } from './tables.js'

/** Names of number formats in the database. */
export const dtypeOf: Record<Precision, string> = {
  bf16: 'bfloat16',
  fp8: 'fp8',
  'fp8-block': 'fp8_block',
  nvfp4: 'nvfp4',
  mxfp4: 'w4a16_mxfp4',
  int4: 'int4_wo',
}

/** Latencies of one product over its rows. */
export interface GemmCurve {
  m: Float64Array
  us: Float64Array
  /** `measured` where the (n, k) is in the table, `interpolated` between measured ones, `extrapolated` beyond. */
  provenance: Provenance
}

/** Matrix products of one format: latency by m at every (n, k). The grid of n and k is complete but for corners. */
export class GemmTable {
  private readonly curves = new Map<string, Map<number, number>>()
  private readonly ns: number[]
  private readonly ks: number[]

  constructor(rows: readonly Row[], dtype: string) {
    const [ns, ks] = [new Set<number>(), new Set<number>()]
    for (const row of rows) {
      if (row.gemm_dtype !== dtype) continue
      const [m, n, k] = [Number(row.m), Number(row.n), Number(row.k)]
      const key = `${n} ${k}`
      let curve = this.curves.get(key)
      if (curve === undefined) {
        curve = new Map()
        this.curves.set(key, curve)
      }
      // Of equal keys the first counts, as the database's own reader has it.
      if (!curve.has(m)) curve.set(m, Number(row.latency) * 1e3)
      ns.add(n)
      ks.add(k)
    }
    this.ns = ascending(ns)
    this.ks = ascending(ks)
  }

  get empty(): boolean {
    return this.curves.size === 0
  }

  /**
   * At an (n, k) that was not measured, latency is linear in n and in k between the measured sites around it, at each m that all of them
   * have: traffic and arithmetic are.
   */
  curve(n: number, k: number): GemmCurve | undefined {
    const own = this.curves.get(`${n} ${k}`)
    if (own !== undefined) return sorted(own, 'measured')
    const [n0, n1] = around(this.ns, n)
    const [k0, k1] = around(this.ks, k)
    const at = (nn: number, kk: number) => this.curves.get(`${nn} ${kk}`) ?? this.curves.get(`${nn} ${kk === k0 ? k1 : k0}`)
    const corners = [at(n0, k0), at(n1, k0), at(n0, k1), at(n1, k1)]
    if (corners.some((corner) => corner === undefined)) return undefined
    const [a, b, c, d] = corners as [Map<number, number>, Map<number, number>, Map<number, number>, Map<number, number>]
    const blended = new Map<number, number>()
    for (const [m, us] of a) {
      if (!b.has(m) || !c.has(m) || !d.has(m)) continue
      const below = line(n0, us, n1, b.get(m)!, n)
      const above = line(n0, c.get(m)!, n1, d.get(m)!, n)
      blended.set(m, Math.max(0.1, line(k0, below, k1, above, k)))
    }
    if (blended.size === 0) return undefined
    const outside = n > this.ns.at(-1)! || k > this.ks.at(-1)! || n < this.ns[0]! || k < this.ks[0]!
    return sorted(blended, outside ? 'extrapolated' : 'interpolated')
  }
}

/** Steps up to this many tokens replay CUDA graphs, at sizes that are multiples of 8; larger ones run as they are. */
const mostPadded = 512
/** Up to this many rows weights bind, and a product of more rows can stand in for one of fewer. */
const weightBound = 256

/**
 * The rows that serving steps meet. Kernels for fp8 take up to twice as long where m is no multiple of 16; the tables have both, m and m + 1. Padded
 * steps meet the first, larger ones, whose tokens are as they come, nearly always the second. Where weights bind, some points stand out by up
 * to twice their neighbours on either side; there nothing takes longer than more rows do.
 */
function sorted(curve: ReadonlyMap<number, number>, provenance: Provenance): GemmCurve {
  const all = ascending(curve.keys())
  const m = all.filter((rows) => (rows <= mostPadded ? rows <= 16 || rows % 8 === 0 : !curve.has(rows + 1)))
  const us = m.map((rows) => curve.get(rows)!)
  for (let i = m.length - 2; i >= 0; i--) if (m[i]! < weightBound) us[i] = Math.min(us[i]!, us[i + 1]!)
  return { m: Float64Array.from(m), us: Float64Array.from(us), provenance }
}

/** A product in blocks that takes more than this times one in whole tensors was not timed on the device. */
const harnessRatio = 2

/**
 * Products of fp8 in blocks carry the host's time of their harness, 50 µs and more, since their two kernels were not in one graph. Where weights
 * bind, and wherever a product takes more than twice the time of one with whole-tensor scales, which moves the same bytes, the latter's time holds.
 */
export function withoutHarness(block: GemmCurve, whole: GemmCurve | undefined): GemmCurve {
  if (whole === undefined) return block
  const us = block.us.map((time, i) => {
    const same = whole.m.indexOf(block.m[i]!)
    if (same < 0) return time
    const bound = block.m[i]! <= weightBound ? 1 : harnessRatio
    return time > bound * whole.us[same]! ? whole.us[same]! : time
  })
  return { ...block, us }
}
