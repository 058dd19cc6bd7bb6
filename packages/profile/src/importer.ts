import { definePoint, type OperatorGraph } from '@servesim/core'
import type { Bundle } from './bundle.js'
import type { BundleIdentity, BundleSelection } from './select.js'

/** What an importer may ask for; tables of kernels do not say what a model is made of. */
export interface ImportContext {
  /** One rank's share of a model; undefined where the model is unknown. */
  graph?(model: string, tensorParallel: number): OperatorGraph | undefined
}

/** Reads operator latencies in another tool's layout. */
export interface BundleImporter {
  /** kebab-case; `servesim profile import <name>`. */
  readonly name: string
  readonly description: string
  /** Looks at names only, so that asking every importer is cheap. */
  recognises(folder: string): boolean | Promise<boolean>
  /** Everything below the folder that `import` can select. */
  list(folder: string): BundleIdentity[] | Promise<BundleIdentity[]>
  /**
   * @param selection narrows to one; with `tensorParallel` only that degree is read
   * @throws ServesimError as `selectBundle`, and SERVESIM_BAD_BUNDLE naming file and line
   */
  import(folder: string, selection: BundleSelection, context?: ImportContext): Bundle | Promise<Bundle>
}

/** Layouts that `--profile` and `servesim profile import` understand; the first that recognises a folder reads it. */
export const bundleImporter = definePoint<BundleImporter>({
  id: 'servesim/bundle-importer',
  contract: 1,
  cardinality: 'chain',
  scope: 'cluster',
})
