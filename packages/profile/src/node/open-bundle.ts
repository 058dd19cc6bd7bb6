import type { Bundle } from '../bundle.js'
import type { BundleImporter, ImportContext } from '../importer.js'
import { type BundleSelection, noBundle, selectBundle } from '../select.js'
import { findBundles, readBundle } from './bundle-folder.js'
import { llmservingsim } from './llmservingsim.js'
import { llmservingsimV0 } from './llmservingsim-v0.js'
import { vidur } from './vidur.js'

/** Importers of this package. */
export const ownImporters: readonly BundleImporter[] = [llmservingsim, llmservingsimV0, vidur]

/**
 * The bundle that a path means: a bundle, a container of several, or a folder in a layout that an importer recognises.
 * @param selection narrows to one; with `tensorParallel` only that degree is read
 * @throws ServesimError as `selectBundle`, SERVESIM_BAD_FILE where there is no such folder
 */
export async function openBundle(
  folder: string,
  selection: BundleSelection = {},
  importers: readonly BundleImporter[] = ownImporters,
  context: ImportContext = {},
): Promise<Bundle> {
  const found = findBundles(folder)
  if (found.length > 0) {
    const identified = found.map(({ folder, manifest }) => ({ ...manifest, folder }))
    return readBundle(selectBundle(identified, selection, folder).folder, selection.tensorParallel)
  }
  for (const importer of importers) if (await importer.recognises(folder)) return importer.import(folder, selection, context)
  throw noBundle(folder)
}
