/**
 * What differs between the releases that are mimicked. The README's table says where each difference was read.
 */
export interface Release {
  gpuMemoryUtilization: number
  /** Whether the running pass steps back for every victim that stood before the current request, or only for one that had got tokens. */
  stepsBackForEveryVictim: boolean
}

export const releases = {
  '0.19': { gpuMemoryUtilization: 0.9, stepsBackForEveryVictim: false },
  '0.28': { gpuMemoryUtilization: 0.92, stepsBackForEveryVictim: true },
} as const satisfies Record<string, Release>

export type ReleaseName = keyof typeof releases
