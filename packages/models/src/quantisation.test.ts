import { isServesimError } from '@servesim/core'
import { expect, test } from 'vitest'
import { parseQuantisation } from './quantisation.js'

test.each([
  [{ quant_method: 'fp8' }, 'fp8'],
  [{ quant_method: 'fp8', weight_block_size: [128, 128] }, 'fp8-block'],
  [{ quant_method: 'modelopt', quant_algo: 'FP8' }, 'fp8'],
  [{ quant_method: 'modelopt', quant_algo: 'NVFP4' }, 'nvfp4'],
  [
    { quant_method: 'compressed-tensors', format: 'float-quantized', config_groups: { group_0: { weights: { strategy: 'channel' } } } },
    'fp8',
  ],
  [
    { quant_method: 'compressed-tensors', format: 'float-quantized', config_groups: { group_0: { weights: { strategy: 'block' } } } },
    'fp8-block',
  ],
  [{ quant_method: 'compressed-tensors', format: 'nvfp4-pack-quantized' }, 'nvfp4'],
  [{ quant_method: 'compressed-tensors', format: 'pack-quantized', config_groups: { group_0: { weights: { num_bits: 4 } } } }, 'int4'],
  [{ quant_method: 'mxfp4' }, 'mxfp4'],
  [{ quant_method: 'awq', bits: 4 }, 'int4'],
])('%j is %s', (config, precision) => {
  expect(parseQuantisation(config, 'model.quantization_config')?.precision).toBe(precision)
})

test('without an entry nothing is quantised', () => {
  expect(parseQuantisation(undefined, 'model.quantization_config')).toBeUndefined()
})

test.each([{ quant_method: 'bitsandbytes' }, { quant_method: 'gptq', bits: 8 }, {}, 'fp8'])(
  '%j is refused with what is known',
  (config) => {
    try {
      parseQuantisation(config, 'model.quantization_config')
      expect.unreachable()
    } catch (error) {
      expect(isServesimError(error) && error.message).toMatch(/not modelled; known are fp8/)
    }
  },
)
