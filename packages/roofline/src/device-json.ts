import { type DeviceSpec, figureName, readFigure, ServesimError } from '@servesim/core'
import { z } from 'zod'
import { type Accelerator, unmeasured, unmeasuredSentence } from './accelerator.js'

const share = z.number().gt(0).max(1).optional()
const us = z.number().min(0).max(1e6).optional()
const side = z.number().int().min(1).max(65_536)

/** What a `device.json` may say beside the chip's figures, which go by any of their names. */
const described = z.looseObject({
  name: z.string().min(1).optional(),
  vendor: z.string().min(1).default('unknown vendor'),
  /** Where the figures were read. */
  source: z.string().min(1).default('device.json'),
  linkKind: z.enum(['nvlink', 'pcie', 'ici', 'other']).optional(),
  matrixTile: z.strictObject({ rows: side, n: side, k: side }).optional(),
  efficiency: z
    .strictObject({
      compute: share,
      bandwidth: share,
      attentionCompute: share,
      prefillBandwidth: share,
      decodeBandwidth: share,
      launchUs: us,
      attentionLaunchUs: us,
      decodeSequenceUs: us,
      samplingUs: us,
    })
    .optional(),
})

const required = ['memoryBytes', 'memoryBytesPerSecond', 'bf16FlopPerSecond'] as const

/**
 * A chip that is a few lines of figures: `{ "memory": "48GB", "memoryBandwidth": "1.2TB/s", "bf16": "400TFLOPS" }`.
 * @param fallbackName where the content names none
 * @param path of the file, for errors
 * @throws ServesimError SERVESIM_BAD_FILE or as `figureName` and `readFigure`
 */
export function acceleratorFromJson(content: unknown, fallbackName: string, path: string): Accelerator {
  const parsed = described.safeParse(content)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new ServesimError('SERVESIM_BAD_FILE', [path, ...issue.path].join('.'), `${issue.message}.`, example)
  }
  const { name = fallbackName, vendor, source, linkKind, matrixTile, efficiency, ...figures } = parsed.data
  const spec: Partial<DeviceSpec> = { name, vendor, source, ...(linkKind !== undefined && { linkKind }) }
  for (const [key, value] of Object.entries(figures)) {
    const figure = figureName(key, `${path}.${key}`)
    spec[figure] = readFigure(figure, value, `${path}.${key}`)
  }
  const missing = required.filter((figure) => spec[figure] === undefined)
  if (missing.length > 0)
    throw new ServesimError(
      'SERVESIM_BAD_FILE',
      path,
      `The chip's ${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} missing.`,
      example,
    )
  const own = Object.fromEntries(Object.entries(efficiency ?? {}).filter(([, value]) => value !== undefined))
  return {
    spec: spec as DeviceSpec,
    tile: matrixTile ?? { rows: 1, n: 1, k: 1 },
    efficiency: { ...unmeasured, ...own },
    assumptions: [
      `Figures of "${name}" are those of its device.json${source === 'device.json' ? '' : ` (${source})`}.`,
      efficiency === undefined ? unmeasuredSentence : 'Shares of its published peaks are those of its device.json.',
    ],
  }
}

const example = 'Write, for example, { "memory": "48GB", "memoryBandwidth": "1.2TB/s", "bf16": "400TFLOPS" }.'
