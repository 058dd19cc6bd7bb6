import { describe, expect, it } from 'vitest'
import { catalogue } from './catalogue.js'
import { catalogueRows } from './catalogue-rows.js'

describe('catalogue', () => {
  it('resolves every id and alias in any case to the model itself', () => {
    for (const row of catalogueRows) {
      for (const name of [row.id, ...row.aliases]) {
        expect(catalogue.resolve(name)?.id).toBe(row.id)
        expect(catalogue.resolve(name.toUpperCase())?.id).toBe(row.id)
        expect(catalogue.resolve(name.slice(name.indexOf('/') + 1).toLowerCase())?.id).toBe(row.id)
      }
    }
  })

  it('says nothing about a name it does not know', () => {
    expect(catalogue.resolve('meta-llama/Llama-9')).toBeUndefined()
    expect(catalogue.resolve('someone-else/Llama-3.1-8B')).toBeUndefined()
    expect(catalogue.resolve('')).toBeUndefined()
  })

  it('lists ids that it resolves', () => {
    expect(catalogue.list()).toHaveLength(14)
    for (const id of catalogue.list()) expect(catalogue.resolve(id)?.id).toBe(id)
  })

  it('takes the content of a config.json', () => {
    const { id, config } = catalogueRows[0]!
    const model = catalogue.resolve({ ...config, _name_or_path: 'acme/My-Llama' })
    expect(model?.id).toBe('acme/My-Llama')
    expect(model?.parameters).toBe(catalogue.resolve(id)?.parameters)
    expect(catalogue.resolve({ ...config })?.id).toBe('llama')
  })

  it('completes what is said about a known model', () => {
    const fp8 = catalogue.resolve({ _name_or_path: 'meta-llama/Llama-3.1-70B', quantization_config: { quant_method: 'fp8' } })
    expect(fp8?.weightBytesPerElement).toBe(1)
    expect(fp8?.parameters).toBe(catalogue.resolve('meta-llama/Llama-3.1-70B')?.parameters)
    expect(() => catalogue.resolve({ _name_or_path: 'acme/unknown' })).toThrow(/model_type/)
  })
})
