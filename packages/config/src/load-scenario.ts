import { type Plugin, Registry } from '@servesim/core'
import { completeScenario } from './complete.js'
import { withDataFiles } from './data-files.js'
import { findInstalledPlugins } from './find-plugins.js'
import { loadMentioned, loadPlugin, mentionedNames, withOwnFirst } from './load-plugins.js'
import type { InstalledPlugin } from './plugin-manifest.js'
import { findScenarioFile, readScenarioFile } from './scenario-file.js'

export interface LoadOptions {
  /** Scenario file; absent: the one in `cwd`, or the defaults where there is none. */
  path?: string | undefined
  cwd: string
  /** What a scenario is completed by. */
  defaults: Record<string, unknown>
  /** Plugins that came with the caller. */
  builtIn: readonly Plugin[]
  /** More plugins: files or packages of the project, as `--plugin` names them. */
  plugins?: readonly string[]
  /** Names from elsewhere than the file that installed plugins may provide. */
  mentioned?: readonly string[]
  /** A folder inside the caller's package: plugins installed beside it are found too. */
  ownFolder: string
}

export interface LoadedScenario {
  /** The file that was read; undefined where the defaults stand alone. */
  path: string | undefined
  /** As written in the file, paths made absolute. */
  written: Record<string, unknown>
  /** Completed by the defaults; its options are checked when it is built. */
  scenario: unknown
  plugins: Plugin[]
  registry: Registry
  /** What the manifests of installed plugins and bundles say. */
  installed: InstalledPlugin[]
}

/** @throws ServesimError for every mistake in files and names; of plugins, those that can be seen without running the scenario */
export async function loadScenario(options: LoadOptions): Promise<LoadedScenario> {
  const { cwd, defaults, builtIn, ownFolder } = options
  const path = options.path ?? findScenarioFile(cwd)
  const file = path === undefined ? undefined : await readScenarioFile(path, cwd)
  const written = file === undefined ? {} : (withDataFiles(file.scenario, file.folder) as Record<string, unknown>)
  const explicit = (await Promise.all((options.plugins ?? []).map((reference) => loadPlugin(reference, cwd)))).flat()
  const names = mentionedNames([written, ...(options.mentioned ?? [])])
  const installed = findInstalledPlugins(cwd, ownFolder)
  const own = [...explicit, ...(file?.plugins ?? []), ...(await loadMentioned(names, installed))]
  // A plugin may be listed in the file and be found among the dependencies too.
  const plugins = withOwnFirst([...new Set(own)], builtIn)
  return { path: file?.path, written, scenario: completeScenario(written, defaults), plugins, registry: new Registry(plugins), installed }
}
