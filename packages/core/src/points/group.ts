import { definePoint } from './point.js'

/** Replicas of a pool that step together, since each layer of their model exchanges tokens between them. */
export interface Group {
  /** Replicas of one group; divides the pool's count. */
  readonly ranks: number
  /** They notice that all are out of work only every so many steps, and run dummy steps until then; 1: at once. */
  readonly waveSteps: number
}

export const group = definePoint<Group>({ id: 'servesim/group', contract: 1, cardinality: 'single', scope: 'pool' })
