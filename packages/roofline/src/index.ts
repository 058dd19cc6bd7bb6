export { type Accelerator, type Efficiency, type MatrixTile, unmeasured, unmeasuredSentence } from './accelerator.js'
export { acceleratorFromJson } from './device-json.js'
export { acceleratorProvider, describeChip } from './provider.js'
export { rooflineDevice } from './roofline-device.js'
