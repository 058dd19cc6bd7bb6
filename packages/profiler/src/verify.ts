import type { DeviceSpec } from '@servesim/core'
import { type Bundle, bundleDevice, formatBundle, parseBundle } from '@servesim/profile'
import type { ProfileRequest } from './request.js'

/**
 * Reads a bundle back as a simulation would, before it is written: what cannot serve its own model never replaces what can.
 * @throws ServesimError SERVESIM_BAD_BUNDLE
 */
export function verify(bundle: Bundle, { model, tensorParallel, limits, output, device }: ProfileRequest): void {
  const files = formatBundle(bundle)
  const read = parseBundle((file) => files[file], output)
  for (const tensor of tensorParallel) {
    const use = { path: output, model: model.id, tensorParallel: tensor }
    const graph = model.shard({ tensor, pipeline: 1, expert: 1 }, {})
    const { maxBatchedTokens, maxSequences } = limits
    bundleDevice(read, specOf(device), use).compile(graph, { tensorParallel: tensor, maxBatchedTokens, maxSequences })
  }
}

/** Prices rest on the tables alone; figures of the chip do not matter. */
function specOf(name: string): DeviceSpec {
  return { name, vendor: 'any', memoryBytes: 1, memoryBytesPerSecond: 1, bf16FlopPerSecond: 1, source: 'none' }
}
