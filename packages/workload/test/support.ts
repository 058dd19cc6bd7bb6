import {
  createRandomSource,
  emptyDraft,
  isServesimError,
  type RequestDraft,
  type ServesimError,
  type Workload,
  type WorkloadContext,
} from '@servesim/core'

export const context = (seed = 7, blockSizeTokens = 16): WorkloadContext => ({ random: createRandomSource(seed), blockSizeTokens })

/** A draft with its ids copied out. */
export interface Given {
  arrivalNs: number
  promptTokens: number
  outputTokens: number
  ids: number[]
}

export function given(draft: RequestDraft): Given {
  const { arrivalNs, promptTokens, outputTokens } = draft
  return { arrivalNs, promptTokens, outputTokens, ids: [...(draft.prefixIds?.subarray(0, draft.prefixIdCount) ?? [])] }
}

/** Everything a workload gives without any completion. */
export function drained(workload: Workload): Given[] {
  const draft = emptyDraft()
  const all: Given[] = []
  while (workload.next(draft) === 1) all.push(given(draft))
  return all
}

/** The error that `run` throws; fails where it throws none or another kind. */
export async function errorOf(run: () => unknown): Promise<ServesimError> {
  try {
    await run()
  } catch (error) {
    if (isServesimError(error)) return error
    throw error
  }
  throw new Error('expected a ServesimError, and nothing was thrown')
}
