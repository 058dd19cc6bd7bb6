import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { devicesPage } from './devices-page.mjs'
import { optionsTable } from './options-table.mjs'
import { workspacePackages } from './workspace-packages.mjs'

/**
 * @typedef {{ name: string, options?: { toJSONSchema(parameters: object): Record<string, any> } }} Provided
 * @typedef {{ name: string, setup(host: { provide(point: unknown, provided: Provided): void }): void }} Plugin
 */

const markers = /(<!-- options -->\n)[\s\S]*?(<!-- \/options -->)/

/**
 * @param {string} root of the repository
 * @param {string} folder of a built package
 * @returns {Promise<Record<string, any>>} what it exports
 */
function load(root, folder) {
  return import(pathToFileURL(join(root, folder, 'dist', 'index.js')).href)
}

/**
 * @param {Record<string, string>} codes
 * @returns {string}
 */
function errorsPage(codes) {
  const rows = Object.entries(codes).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`)
  return [
    '# Errors',
    '',
    'Generated from `packages/core/src/errors.ts` by `npm run docs`.',
    '',
    '| code | meaning |',
    '|---|---|',
    ...rows,
    '',
  ].join('\n')
}

const knownPackagesFile = 'packages/config/src/known-packages.generated.ts'

/**
 * @param {import('./workspace-packages.mjs').WorkspacePackage[]} packages
 * @returns {string} a module that says which package provides a name, so that an error can tell what to install
 */
function knownPackages(packages) {
  const lines = packages.flatMap(({ manifest: { name, private: isPrivate, servesim } }) => {
    if (isPrivate || servesim === undefined) return []
    const kind = servesim.kind === 'bundle' ? 'device' : servesim.kind
    return (servesim.provides ?? []).map((/** @type {string} */ provided) => `  '${kind} ${provided.toLowerCase()}': '${name}',`)
  })
  return [
    '// Generated from the manifests of the workspace by `npm run docs`.',
    '',
    '/** Our package that provides a name, by kind and name in lower case. */',
    'export const knownPackages: Readonly<Record<string, string>> = {',
    ...[...new Set(lines)].sort(),
    '}',
    '',
  ].join('\n')
}

const gpuFolder = 'plugins/devices/gpu'

const contractMarkers = /(<!-- contracts -->\n)[\s\S]*?(<!-- \/contracts -->)/

/**
 * @param {string} text of docs/compatibility.md
 * @param {Record<string, any>[]} packages what those that define extension points export
 * @returns {string} the page with the contracts of today
 */
function withContracts(text, packages) {
  const points = packages
    .flatMap((exported) => Object.values(exported))
    .filter((value) => typeof value?.id === 'string' && value.contract > 0)
  const rows = points.map(({ id, contract, cardinality, scope }) => `| \`${id}\` | ${contract} | ${cardinality} · ${scope} |`).sort()
  const table = ['| point | contract | cardinality · scope |', '|---|---|---|', ...rows].join('\n')
  return text.replace(contractMarkers, (_, open, close) => `${open}\n${table}\n\n${close}`)
}

/**
 * @param {Record<string, any>} exported
 * @returns {string} a table per set of options, below the names of the providers that share it
 */
function optionsSection(exported) {
  /** @type {Provided[]} */
  const provided = []
  for (const plugin of /** @type {Plugin[]} */ (
    [...new Set(Object.values(exported))].filter((value) => typeof value?.setup === 'function')
  )) {
    plugin.setup({ provide: (_, one) => provided.push(one) })
  }
  /** @type {Map<string, string[]>} */
  const namesByTable = new Map()
  for (const { name, options } of provided) {
    const table = options === undefined ? '' : optionsTable(options.toJSONSchema({ io: 'input', unrepresentable: 'any' }))
    if (table !== '') namesByTable.set(table, [...(namesByTable.get(table) ?? []), name])
  }
  return [...namesByTable].map(([table, names]) => `\nOf ${names.map((name) => `\`${name}\``).join(', ')}:\n\n${table}\n`).join('')
}

/**
 * @param {string} root of the repository; its packages must be built
 * @returns {Promise<{ files: Map<string, string>, problems: string[] }>} text by path, and what stands in the way of more
 */
export async function generatedDocs(root) {
  const files = new Map([['docs/errors.md', errorsPage((await load(root, 'packages/core')).errorCodes)]])
  const problems = []
  const compatibility = 'docs/compatibility.md'
  if (existsSync(join(root, compatibility))) {
    const definers = await Promise.all(['packages/core', 'packages/profile'].map((folder) => load(root, folder)))
    files.set(compatibility, withContracts(readFileSync(join(root, compatibility), 'utf8'), definers))
  }
  const deviceFolders = workspacePackages(root).flatMap(({ folder }) => (folder.startsWith('plugins/devices/') ? [folder] : []))
  if (deviceFolders.includes(gpuFolder)) {
    const gpu = await load(root, gpuFolder)
    const others = await Promise.all(deviceFolders.filter((folder) => folder !== gpuFolder).map((folder) => load(root, folder)))
    files.set('docs/devices.md', devicesPage([gpu, ...others], gpu.calibrations()))
  }
  if (existsSync(join(root, knownPackagesFile))) files.set(knownPackagesFile, knownPackages(workspacePackages(root)))
  for (const { folder, manifest } of workspacePackages(root)) {
    const readme = `${folder}/README.md`
    const text = existsSync(join(root, readme)) ? readFileSync(join(root, readme), 'utf8') : ''
    if (manifest.servesim === undefined && !markers.test(text)) continue
    const section = optionsSection(await load(root, folder))
    if (markers.test(text))
      files.set(
        readme,
        text.replace(markers, (_, open, close) => `${open}${section}\n${close}`),
      )
    else if (section !== '')
      problems.push(`${readme}: needs "<!-- options -->" and "<!-- /options -->" where the table of its options belongs.`)
  }
  return { files, problems }
}

/**
 * @param {string} root
 * @param {Map<string, string>} files text by path
 * @returns {string[]} paths of those that differ on disk
 */
export function outdated(root, files) {
  return [...files]
    .filter(([file, text]) => !existsSync(join(root, file)) || readFileSync(join(root, file), 'utf8') !== text)
    .map(([file]) => file)
}
