import { ServesimError } from '@servesim/core'
import type { ProbeHello } from './protocol.js'

const bytesOf: Readonly<Record<string, number>> = { fp8: 1, int8: 1, bf16: 2, fp16: 2, fp32: 4, fp64: 8 }

export interface Dtype {
  name: string
  bytes: number
}

/**
 * The element type to measure with.
 * @param wanted by the user
 * @param modelBytes of a weight of the model
 * @throws ServesimError SERVESIM_CAPABILITY_MISMATCH
 */
export function chooseDtype({ dtypes }: ProbeHello, wanted: string | undefined, modelBytes: number, probeName: string): Dtype {
  const name = wanted ?? Object.keys(bytesOf).find((one) => bytesOf[one] === modelBytes && dtypes.includes(one)) ?? dtypes[0]!
  if (dtypes.includes(name)) return { name, bytes: bytesOf[name] ?? modelBytes }
  throw new ServesimError(
    'SERVESIM_CAPABILITY_MISMATCH',
    '--dtype',
    `The probe "${probeName}" measures ${dtypes.join(', ')}; ${name} is asked.`,
    'Choose one of these with --dtype.',
  )
}
