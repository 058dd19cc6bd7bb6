/**
 * What differs between the releases that are mimicked. The README's table says where each difference was read.
 */
export interface Release {
  gpuMemoryUtilization: number
  /** Whether the running pass steps back for every victim that stood before the current request, or only for one that had got tokens. */
  stepsBackForEveryVictim: boolean
  /** Whether a request admitted for the first time gets KV slots for its drafter too. */
  lookaheadAtAdmission: boolean
  /** Whether budget that drafting takes is charged for each scheduled request, or set aside for the most there can be. */
  chargesDraftingByRequest: boolean
  /** Whether a load is admitted only beside what unfinished prefills and other loads still need. */
  reservesForLoads: boolean
}

export const releases = {
  '0.19': {
    gpuMemoryUtilization: 0.9,
    stepsBackForEveryVictim: false,
    lookaheadAtAdmission: false,
    chargesDraftingByRequest: false,
    reservesForLoads: false,
  },
  '0.28': {
    gpuMemoryUtilization: 0.92,
    stepsBackForEveryVictim: true,
    lookaheadAtAdmission: true,
    chargesDraftingByRequest: true,
    reservesForLoads: true,
  },
} as const satisfies Record<string, Release>

export type ReleaseName = keyof typeof releases
