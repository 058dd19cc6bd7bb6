import { fileURLToPath } from 'node:url'

/** Where recorded data of other projects lies, if anywhere: beside the repository, or where SERVESIM_DATA says. */
export function dataFolder(): string {
  return process.env.SERVESIM_DATA ?? fileURLToPath(new URL('../../../../shared/data', import.meta.url))
}
