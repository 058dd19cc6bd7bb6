import { fileURLToPath } from 'node:url'
import { modelSource, Registry } from '@servesim/core'
import { models } from '@servesim/models'
import { bundleChip } from '@servesim/profile'
import { readBundle } from '@servesim/profile/node'
import { describeDevice } from '@servesim/testkit'

const bundle = readBundle(fileURLToPath(new URL('..', import.meta.url)))
const [known] = new Registry([models]).all(modelSource)

// The laws that every device obeys, for the model that this one was measured with.
describeDevice(bundleChip('example-name'), { model: known.provided.resolve(bundle.manifest.model), options: { bundle } })
