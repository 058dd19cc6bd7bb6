import type { OperatorGraph } from '../operators.js'
import type { CompiledDevice, DeviceSpec } from './device.js'
import { definePoint } from './point.js'

/** Where a pool's operators run once they are placed. */
export interface OperatorPlacement {
  /** Prices the graph from now on. */
  compiled: CompiledDevice
  /** Memory of a rank, beside its device's, in which the KV cache lies; absent: it lies where it lay. */
  kvMemory?: { where: string; bytes: number }
}

/** Facts of the pool whose operators are placed. */
export interface TransformContext {
  path: string
  device: DeviceSpec
  tensorParallel: number
  maxBatchedTokens: number
  maxSequences: number
}

/** Places operators elsewhere than on the pool's device, once, at build: attention on memory that computes, weights behind a slower link. */
export interface OperatorTransform {
  readonly name: string
  /**
   * @param compiled what priced the operators before; transforms see each other's work in the order written
   * @throws ServesimError where the other place cannot take what is given to it
   */
  transform(compiled: CompiledDevice, graph: OperatorGraph, context: TransformContext): OperatorPlacement
}

export const operatorTransform = definePoint<OperatorTransform>({
  id: 'servesim/operator-transform',
  contract: 1,
  cardinality: 'chain',
  scope: 'pool',
})
