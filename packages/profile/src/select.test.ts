import { describe, expect, it } from 'vitest'
import { type BundleIdentity, sameDevice, sameModel, selectBundle } from './select.js'

const llama: BundleIdentity = {
  device: 'RTXPRO6000',
  model: 'meta-llama/Llama-3.1-8B',
  dtype: 'bf16',
  kvCacheDtype: 'auto',
  tensorParallel: [1, 2],
}
const llamaFp8 = { ...llama, dtype: 'fp8', kvCacheDtype: 'fp8' }
const qwen = { ...llama, model: 'Qwen/Qwen3-32B', tensorParallel: [2] }
const all = [llama, llamaFp8, qwen]

describe('selectBundle', () => {
  it('takes the only one without being told', () => {
    expect(selectBundle([qwen], {}, 'p')).toBe(qwen)
  })

  it('knows a model by its last segment and a device by any spelling', () => {
    expect(selectBundle(all, { model: 'llama-3.1-8b', device: 'rtx-pro-6000', dtype: 'bf16' }, 'p')).toBe(llama)
    expect(sameModel('org/Tiny', 'other/Tiny')).toBe(false)
    expect(sameDevice('rtx-4090', 'RTX4090')).toBe(true)
  })

  it.each([
    [{ model: 'Qwen/Qwen3-23B' }, 'SERVESIM_UNKNOWN_NAME', /meta-llama\/Llama-3.1-8B, Qwen\/Qwen3-32B/, /Did you mean Qwen\/Qwen3-32B/],
    [{ device: 'h100' }, 'SERVESIM_UNKNOWN_NAME', /RTXPRO6000/, /another folder/],
    [{ model: 'Qwen3-32B', tensorParallel: 4 }, 'SERVESIM_CAPABILITY_MISMATCH', /tensorParallel 4; expected 2/, /./],
    [{ model: 'Qwen3-32B', dtype: 'int4' }, 'SERVESIM_CAPABILITY_MISMATCH', /dtype int4; expected bf16/, /./],
    [{ model: 'Llama-3.1-8B' }, 'SERVESIM_BAD_OPTION', /2 bundles fit: .*bf16, TP 1, 2\); .*KV fp8/, /./],
  ])('explains why %o does not select one', (selection, code, message, hint) => {
    expect(() => selectBundle(all, selection, 'p')).toThrow(
      expect.objectContaining({ code, path: 'p', message: expect.stringMatching(message), hint: expect.stringMatching(hint) }),
    )
  })

  it('says so where there is no bundle at all', () => {
    expect(() => selectBundle([], {}, 'p')).toThrow(expect.objectContaining({ code: 'SERVESIM_BAD_BUNDLE', path: 'p' }))
  })
})
