/** A longer copy. */
export function grownFloats(from: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(length)
  grown.set(from)
  return grown
}

/** A longer copy. */
export function grownInts(from: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(length)
  grown.set(from)
  return grown
}
