import type { Precision } from '@servesim/core'
import { ServesimError } from '@servesim/core'

/** How the matrices of attention, MLP and experts are stored and multiplied; embeddings, router and output projection stay in 16 bits. */
export interface Quantisation {
  precision: Exclude<Precision, 'bf16'>
  /** Bytes of one weight, scales included. */
  weightBytesPerElement: number
  /** Bytes of one activation that enters the product. */
  activationBytesPerElement: number
  /** Matrices of experts only. */
  expertsOnly: boolean
}

/**
 * Bytes with their scales: fp8 in blocks has one fp32 per 128 × 128; NVFP4 an 8-bit scale per 16; MXFP4 one per 32; int4 a 16-bit scale per
 * 128, zero points left out. Source: the formats' definitions.
 */
const formats: Record<Quantisation['precision'], Omit<Quantisation, 'precision'>> = {
  fp8: { weightBytesPerElement: 1, activationBytesPerElement: 1, expertsOnly: false },
  'fp8-block': { weightBytesPerElement: 1 + 4 / 128 ** 2, activationBytesPerElement: 1, expertsOnly: false },
  nvfp4: { weightBytesPerElement: 0.5 + 1 / 16, activationBytesPerElement: 0.5 + 1 / 16, expertsOnly: false },
  mxfp4: { weightBytesPerElement: 0.5 + 1 / 32, activationBytesPerElement: 2, expertsOnly: true },
  int4: { weightBytesPerElement: 0.5 + 2 / 128, activationBytesPerElement: 2, expertsOnly: false },
}

/**
 * Reads `quantization_config` of a `config.json`.
 * @param path where it stands, for errors
 * @throws ServesimError SERVESIM_BAD_OPTION for a method that is not modelled
 */
export function parseQuantisation(config: unknown, path: string): Quantisation | undefined {
  if (config === undefined || config === null) return undefined
  const precision = precisionOf(config as Readonly<Record<string, unknown>>)
  if (precision !== undefined) return { precision, ...formats[precision] }
  const { quant_method: method, quant_algo: algorithm, format } = config as Record<string, unknown>
  const named = [method, algorithm, format].filter((value) => typeof value === 'string').join(' ')
  throw new ServesimError(
    'SERVESIM_BAD_OPTION',
    path,
    `Weights quantised by "${named || JSON.stringify(config)}" are not modelled; known are fp8 (whole tensors or blocks of 128), NVFP4, MXFP4 and 4-bit integers.`,
    'Pass the configuration of the unquantised model, or name one of these.',
  )
}

function precisionOf(config: Readonly<Record<string, unknown>>): Quantisation['precision'] | undefined {
  const text = (key: string) => (typeof config[key] === 'string' ? (config[key] as string).toLowerCase() : '')
  switch (text('quant_method')) {
    case 'fp8':
    case 'fbgemm_fp8':
      return Array.isArray(config.weight_block_size) ? 'fp8-block' : 'fp8'
    case 'modelopt':
    case 'modelopt_fp4':
      return text('quant_algo') === 'fp8' ? 'fp8' : /fp4/.test(text('quant_algo') + text('quant_method')) ? 'nvfp4' : undefined
    case 'compressed-tensors':
      return compressedTensors(text('format'), config)
    case 'mxfp4':
      return 'mxfp4'
    case 'awq':
    case 'gptq':
      return Number(config.bits ?? config.w_bit ?? 4) === 4 ? 'int4' : undefined
    default:
      return undefined
  }
}

function compressedTensors(format: string, config: Readonly<Record<string, unknown>>): Quantisation['precision'] | undefined {
  if (format === 'float-quantized') return JSON.stringify(config).includes('"block"') ? 'fp8-block' : 'fp8'
  if (format === 'nvfp4-pack-quantized') return 'nvfp4'
  return format === 'pack-quantized' && /"num_bits":4\b/.test(JSON.stringify(config)) ? 'int4' : undefined
}
