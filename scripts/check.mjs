// `npm run check`: everything about the source that a machine can judge.
import { prepare, turbo } from './workspace.mjs'

prepare()
process.exitCode = turbo([
  'check:format',
  'check:types',
  'check:unused',
  'check:imports',
  'check:core-names',
  'check:manifests',
  'check:packages',
  'check:docs',
  'check:api',
])
