/**
 * Counter-based random streams: a draw depends on (seed, purpose, index, counter) alone, so that a part which is added or draws
 * more often never moves another part's numbers. The mixing function is that of SplitMix64/MurmurHash3 (Steele, Lea, Flood 2014;
 * Appleby) on 2 × 32 bits, since 64-bit integers are slow in JavaScript.
 */
export interface RandomStream {
  /** Uniform in [0, 1), 53 bits. */
  uniform(): number
  /** Uniform integer in [0, bound). */
  integer(bound: number): number
  /** Exponential with mean 1. */
  exponential(): number
  /** Standard normal. */
  normal(): number
}

export interface RandomSource {
  /** @param purpose what the draws are for, such as `workload/arrivals`; @param index a request or replica, where each has its own stream */
  stream(purpose: string, index?: number): RandomStream
  /** The same draws at any place and in any order, without a stream for each. */
  draws(purpose: string): RandomDraws
}

export interface RandomDraws {
  /** What `stream(purpose, index)` gives as its uniform draw number `counter`, from 0. */
  uniform(index: number, counter: number): number
}

export function createRandomSource(seed: number): RandomSource {
  return {
    stream: (purpose, index = 0) => {
      const { a, b } = purposeKeys(seed, purpose)
      return new Stream(lowKey(a, index), highKey(b, index))
    },
    draws: (purpose) => {
      const { a, b } = purposeKeys(seed, purpose)
      return {
        uniform: (index, counter) => {
          const keyA = lowKey(a, index)
          const keyB = highKey(b, index)
          return fromWords(word(2 * counter, keyA, keyB), word(2 * counter + 1, keyA, keyB))
        },
      }
    },
  }
}

function purposeKeys(seed: number, purpose: string): { a: number; b: number } {
  let a = mix(seed >>> 0, 0x9e3779b9)
  let b = mix(Math.floor(seed / 4294967296) >>> 0, 0x85ebca6b)
  for (let i = 0; i < purpose.length; i++) {
    a = mix(a ^ purpose.charCodeAt(i), 0x9e3779b9 + i)
    b = mix(b ^ a, 0xc2b2ae35)
  }
  return { a, b }
}

function lowKey(a: number, index: number): number {
  return mix(a ^ (index >>> 0), 0x27d4eb2f)
}

function highKey(b: number, index: number): number {
  return mix(b ^ (Math.floor(index / 4294967296) >>> 0), 0x165667b1)
}

function word(counter: number, keyA: number, keyB: number): number {
  return mix(mix(counter, keyA) ^ keyB, Math.imul(counter, 0x9e3779b9) ^ keyA)
}

/** 53 bits of two words. */
function fromWords(high: number, low: number): number {
  return ((high >>> 5) * 67108864 + (low >>> 6)) / 9007199254740992
}

/** Final mix of MurmurHash3 over 32 bits, keyed. */
function mix(value: number, key: number): number {
  let h = (value + key) | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

class Stream implements RandomStream {
  private counter = 0
  private spareNormal = Number.NaN

  constructor(
    private readonly keyA: number,
    private readonly keyB: number,
  ) {}

  uniform(): number {
    const high = word(this.counter++, this.keyA, this.keyB)
    return fromWords(high, word(this.counter++, this.keyA, this.keyB))
  }

  integer(bound: number): number {
    return Math.floor(this.uniform() * bound)
  }

  exponential(): number {
    return -ln(1 - this.uniform())
  }

  /** Marsaglia's polar method; its second value is kept. */
  normal(): number {
    if (!Number.isNaN(this.spareNormal)) {
      const kept = this.spareNormal
      this.spareNormal = Number.NaN
      return kept
    }
    for (;;) {
      const u = 2 * this.uniform() - 1
      const v = 2 * this.uniform() - 1
      const s = u * u + v * v
      if (s >= 1 || s === 0) continue
      const scale = Math.sqrt((-2 * ln(s)) / s)
      this.spareNormal = v * scale
      return u * scale
    }
  }
}

const words = new Uint32Array(2)
const double = new Float64Array(words.buffer)
const LN2_HIGH = 0.6931471803691238
const LN2_LOW = 1.9082149292705877e-10

/**
 * Natural logarithm from IEEE operations alone: `Math.log` may differ in the last bit between engines, and then a browser would
 * simulate other arrivals than Node. Reduced to m in [√½, √2), then 2·atanh((m−1)/(m+1)) as a series; error below 2 ulp.
 * @param x > 0, finite and normal
 */
export function ln(x: number): number {
  double[0] = x
  let exponent = (words[1]! >>> 20) - 1023
  words[1] = (words[1]! & 0x000fffff) | 0x3ff00000
  let m = double[0]
  if (m > Math.SQRT2) {
    m /= 2
    exponent++
  }
  const s = (m - 1) / (m + 1)
  const z = s * s
  let series = 0
  for (let k = 23; k >= 3; k -= 2) series = series * z + 1 / k
  return exponent * LN2_HIGH + (2 * s + (2 * s * z * series + exponent * LN2_LOW))
}

/** Exponential function from IEEE operations alone, for the same reason; error below 2 ulp for |x| < 700. */
export function exp(x: number): number {
  const n = Math.round(x / Math.LN2)
  const r = x - n * LN2_HIGH - n * LN2_LOW
  let series = 1
  for (let k = 18; k >= 1; k--) series = 1 + (r * series) / k
  return series * 2 ** n
}
