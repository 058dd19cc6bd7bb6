import { ServesimError } from '@servesim/core'

/** A probe that crashed, hung or answered what is no measurement; the point may be tried again with a fresh one. */
export class ProbeFault extends Error {
  override readonly name = 'ProbeFault'

  /** @param sentence what happened, without the point */
  constructor(
    readonly sentence: string,
    readonly hint: string,
  ) {
    super(sentence)
  }

  /** @param path the probe, and the point where there was one */
  asError(path: string): ServesimError {
    return new ServesimError('SERVESIM_PROBE_FAILED', path, this.sentence, this.hint)
  }
}
