import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, extname, join, resolve } from 'node:path'
import { type Plugin, ServesimError } from '@servesim/core'
import { parseDocument } from 'yaml'
import { importModule, isPath, loadPackage, loadPlugin } from './load-plugins.js'
import { isObject } from './path.js'

/** A scenario as a person wrote it: a fragment, to be completed by defaults. */
export interface ScenarioFile {
  /** Where it was read, for messages. */
  path: string
  /** Folder that relative paths in it start from. */
  folder: string
  scenario: Record<string, unknown>
  plugins: Plugin[]
}

const fileNames = [
  'servesim.config.ts',
  'servesim.config.mts',
  'servesim.config.mjs',
  'servesim.config.js',
  'servesim.yaml',
  'servesim.yml',
  'servesim.json',
]

/** Name of the scenario file in a folder; undefined where there is none. */
export function findScenarioFile(folder: string): string | undefined {
  return fileNames.find((name) => existsSync(join(folder, name)))
}

/**
 * Reads a scenario. TypeScript and JavaScript are run; YAML and JSON are data, whose `plugins` may name direct dependencies of the project.
 * @throws ServesimError SERVESIM_BAD_FILE naming line and column where the text is broken
 */
export async function readScenarioFile(path: string, cwd: string): Promise<ScenarioFile> {
  const file = resolve(cwd, path)
  const text = read(file, path)
  const extension = extname(file)
  const isData = ['.yaml', '.yml', '.json'].includes(extension)
  if (!isData && !/^\.[cm]?[jt]s$/.test(extension)) {
    throw new ServesimError(
      'SERVESIM_BAD_FILE',
      path,
      `A file "${extension}" is no scenario.`,
      'Scenarios are .yaml, .json, .ts or .mjs files.',
    )
  }
  const content = isData ? parseData(text, path) : await runModule(file, path)
  if (!isObject(content)) {
    throw new ServesimError(
      'SERVESIM_BAD_FILE',
      path,
      'The file holds no scenario; expected an object with members such as pools and workload.',
      'An empty object {} runs the defaults.',
    )
  }
  const { plugins = [], ...scenario } = content
  return { path, folder: dirname(file), scenario, plugins: await readPlugins(plugins, path, dirname(file), isData) }
}

function read(file: string, path: string): string {
  try {
    if (statSync(file).isDirectory())
      throw new ServesimError('SERVESIM_BAD_FILE', path, 'This is a folder; expected a scenario file.', 'Name a file in it.')
    return readFileSync(file, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'EACCES') throw error
    throw new ServesimError(
      'SERVESIM_BAD_FILE',
      path,
      code === 'ENOENT' ? 'There is no such file.' : `It cannot be read: ${message}.`,
      'Give the path of a scenario file, from the current folder on.',
    )
  }
}

/** JSON is read as YAML, of which it is a part: one reader, and errors with line and column. */
function parseData(text: string, path: string): unknown {
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: true, strict: true })
  const error = document.errors[0]
  if (error !== undefined) {
    const at = error.linePos?.[0]
    const where = at === undefined ? path : `${path}:${at.line}:${at.col}`
    throw new ServesimError(
      'SERVESIM_BAD_FILE',
      where,
      `The text is cut off or broken: ${error.message.split(/ at line|\n/)[0]}.`,
      'Correct the line, or write the file again.',
    )
  }
  return document.toJS({ maxAliasCount: 100 }) as unknown
}

async function runModule(file: string, path: string): Promise<unknown> {
  const module = await importModule(file, path)
  return 'default' in module ? module.default : module
}

async function readPlugins(listed: unknown, path: string, folder: string, isData: boolean): Promise<Plugin[]> {
  if (!Array.isArray(listed))
    throw new ServesimError('SERVESIM_BAD_OPTION', 'plugins', 'plugins is no list.', 'List plugins or names of packages.')
  const loaded = await Promise.all(
    listed.map((entry: unknown) => {
      if (typeof entry !== 'string') {
        if (!isData && isObject(entry)) return [entry as unknown as Plugin]
        throw new ServesimError(
          'SERVESIM_BAD_OPTION',
          'plugins',
          `${JSON.stringify(entry)} is no plugin.`,
          'List names of packages that the project depends on.',
        )
      }
      if (isData && isPath(entry)) {
        throw new ServesimError(
          'SERVESIM_BAD_OPTION',
          'plugins',
          `${path} names the code file "${entry}"; YAML and JSON may name packages only.`,
          `Use --plugin ${entry}, or a servesim.config.ts.`,
        )
      }
      return isData ? loadPackage(entry, folder) : loadPlugin(entry, folder)
    }),
  )
  return loaded.flat()
}
