import { modelSource, Registry } from '@servesim/core'
import { expect, it } from 'vitest'
import { catalogue, models } from './index.js'

it('provides the catalogue as a source of models', () => {
  expect(new Registry([models]).all(modelSource)).toEqual([{ plugin: 'models', provided: catalogue }])
})
