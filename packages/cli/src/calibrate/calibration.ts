import { readFileSync } from 'node:fs'
import { ServesimError } from '@servesim/core'
import { z } from 'zod'

const share = z.number().min(0)

/** What `servesim calibrate` writes and `servesim run --calibration` takes. It says how good it is, or it is none. */
const calibrationSchema = z.object({
  schemaVersion: z.literal(1),
  kind: z.literal('servesim-calibration'),
  techniques: z.array(z.looseObject({ use: z.string().min(1) })).nonempty(),
  fit: z.object({
    runs: z.array(z.string()).nonempty(),
    heldOut: z.string().min(1),
    requests: z.number().int().positive(),
    heldOutRequests: z.number().int().positive(),
    /** Mean absolute error over the figures of what was fitted to and of what was held out, before and after, percent. */
    beforePct: z.object({ fitted: share, heldOut: share }),
    errorPct: z.object({ fitted: share, heldOut: share }),
  }),
})
export type Calibration = z.output<typeof calibrationSchema>

/** @throws ServesimError SERVESIM_BAD_FILE where the file is none, or does not state its error */
export function readCalibration(file: string): Calibration {
  const bad = (message: string) =>
    new ServesimError('SERVESIM_BAD_FILE', file, message, 'Write it with `servesim calibrate <run>… -o <file>`.')
  let content: unknown
  try {
    content = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw bad(`It cannot be read as JSON: ${(error as Error).message}.`)
  }
  const parsed = calibrationSchema.safeParse(content)
  if (parsed.success) return parsed.data
  const { path, message } = parsed.error.issues[0]!
  throw bad(`${path.join('.') || 'The file'}: ${message}.${path[0] === 'fit' ? ' A calibration without its error is none.' : ''}`)
}

/** A pool's techniques with those of a calibration: it replaces options of the same technique, one by one. */
export function calibratedTechniques(techniques: readonly Record<string, unknown>[], { techniques: fitted }: Calibration): unknown[] {
  const own = techniques.map((one) => ({ ...one, ...fitted.find(({ use }) => use === one.use) }))
  return [...own, ...fitted.filter(({ use }) => !techniques.some((one) => one.use === use))]
}
