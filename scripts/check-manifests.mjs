// What every published package promises: a manifest without surprises and a README with all its parts.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { report, workspacePackages } from './workspace-packages.mjs'

/** @import { WorkspacePackage } from './workspace-packages.mjs' */

const corePeer = 'workspace:>=0.1.0 <1'
const sections = ['Install', 'Example', 'Sources', 'Dependencies']
/** Packages without figures or formulas of the field need name no sources. */
const withoutSources = ['servesim', 'create-servesim-plugin', '@servesim/config', '@servesim/testkit', '@servesim/preset-default']

/**
 * @param {string} root of the repository
 * @returns {string[]} one sentence per broken promise
 */
export function manifestProblems(root) {
  const packages = workspacePackages(root)
  const folders = new Map(packages.map(({ folder, manifest }) => [manifest.name, folder]))
  return packages
    .filter(({ manifest }) => !manifest.private)
    .flatMap((one) => {
      const readme = readmeProblems(root, one).map((problem) => `${one.folder}/README.md: ${problem}`)
      const config = referenceProblems(root, one, folders).map((problem) => `${one.folder}/tsconfig.json: ${problem}`)
      const manifest = [...fieldProblems(one), ...exportProblems(root, one), ...pluginProblems(one)]
      const conformance = conformanceProblems(root, one)
      return [...conformance, ...manifest.map((problem) => `${one.folder}/package.json: ${problem}`), ...config, ...readme]
    })
}

/** @param {WorkspacePackage} one */
function fieldProblems({ folder, manifest }) {
  const expected = {
    type: 'module',
    license: 'Apache-2.0',
    'repository.directory': folder,
    'engines.node': '>=20.19',
    'publishConfig.access': 'public',
  }
  const problems = Object.entries(expected)
    .filter(([path, value]) => path.split('.').reduce((at, key) => at?.[key], manifest) !== value)
    .map(([path, value]) => `${path} must be "${value}".`)
  if (!/^\d+\.\d+\.\d+/.test(manifest.version ?? '')) problems.push('version is missing.')
  if (!manifest.description) problems.push('description is missing.')
  if (!manifest.keywords?.includes('servesim')) problems.push('keywords must hold "servesim".')
  if (!manifest.files?.includes('dist')) problems.push('files must hold "dist".')
  const entries = Object.values(manifest.bin ?? {})
  const effects = manifest.sideEffects
  if (effects !== false && !(Array.isArray(effects) && entries.length > 0)) problems.push('sideEffects must be false.')
  return problems
}

/**
 * @param {string} root
 * @param {WorkspacePackage} one
 */
function exportProblems(root, { folder, manifest }) {
  const problems = []
  const published = manifest.publishConfig?.exports ?? {}
  if (manifest.exports?.['.'] === undefined) problems.push('exports has no ".".')
  for (const [path, target] of Object.entries(manifest.exports ?? {})) {
    const { '@servesim/source': source, ...conditions } = typeof target === 'string' ? {} : target
    if (JSON.stringify(published[path]) !== JSON.stringify(typeof target === 'string' ? target : conditions)) {
      problems.push(`publishConfig.exports["${path}"] must equal exports["${path}"] without "@servesim/source".`)
    }
    if (typeof target === 'string') continue
    const name = /^\.\/src\/(.+)\.ts$/.exec(source ?? '')?.[1]
    if (Object.keys(target)[0] !== '@servesim/source' || name === undefined || !existsSync(join(root, folder, source))) {
      problems.push(`exports["${path}"] must begin with "@servesim/source", an existing file under ./src.`)
    } else if (JSON.stringify(conditions) !== JSON.stringify({ types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` })) {
      problems.push(`exports["${path}"] must go on with types "./dist/${name}.d.ts" and default "./dist/${name}.js".`)
    }
  }
  return problems
}

/** @param {WorkspacePackage} one */
function pluginProblems({ folder, manifest }) {
  const problems = []
  const peer = manifest.peerDependencies?.['@servesim/core']
  const mustPeer = folder.startsWith('plugins/') || manifest.servesim !== undefined || peer !== undefined
  if (mustPeer && peer !== corePeer) problems.push(`peerDependencies["@servesim/core"] must be "${corePeer}".`)
  if (mustPeer && manifest.devDependencies?.['@servesim/core'] !== 'workspace:*') {
    problems.push('devDependencies["@servesim/core"] must be "workspace:*".')
  }
  if (!folder.startsWith('plugins/') && manifest.servesim === undefined) return problems
  if (!manifest.keywords?.includes('servesim-plugin')) problems.push('keywords must hold "servesim-plugin".')
  const { kind, contract, provides } = manifest.servesim ?? {}
  if (typeof kind !== 'string' || contract !== 1 || !Array.isArray(provides)) {
    problems.push('servesim must be { "kind": "…", "contract": 1, "provides": […] }.')
  }
  return problems
}

/**
 * Every plugin shows that it obeys the laws of its kind; a preset has none of its own.
 * @param {string} root
 * @param {WorkspacePackage} one
 */
function conformanceProblems(root, { folder, manifest }) {
  const kind = manifest.servesim?.kind
  if (kind === undefined || kind === 'preset') return []
  const file = `${folder}/test/conformance.test.ts`
  if (existsSync(join(root, file)) && readFileSync(join(root, file), 'utf8').includes("from '@servesim/testkit'")) return []
  return [`${file}: must run the suite of its kind: import { describePlugin } from '@servesim/testkit', then describePlugin(yourPlugin).`]
}

/**
 * The compiler builds in the order of references; they follow from the dependencies.
 * @param {string} root
 * @param {WorkspacePackage} one
 * @param {Map<string, string>} folders by package name
 */
function referenceProblems(root, { folder, manifest }, folders) {
  const needed = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
    .flatMap((name) => folders.get(name) ?? [])
    .sort()
  const config = JSON.parse(readFileSync(join(root, folder, 'tsconfig.json'), 'utf8'))
  const present = (config.references ?? []).map((/** @type {{ path: string }} */ { path }) => posix.join(folder, path)).sort()
  if (present.join() === needed.join()) return []
  return [`references must be those of the dependencies: ${needed.map((target) => posix.relative(folder, target)).join(', ')}.`]
}

/**
 * @param {string} root
 * @param {WorkspacePackage} one
 */
function readmeProblems(root, { folder, manifest }) {
  const file = join(root, folder, 'README.md')
  if (!existsSync(file)) return ['missing.']
  const [opening = '', ...parts] = readFileSync(file, 'utf8').split(/^## /m)
  const bodies = new Map(parts.map((part) => [part.split('\n', 1)[0]?.trim(), part.slice(part.indexOf('\n')).trim()]))
  const problems = []
  if (!opening.startsWith(`# ${manifest.name}\n`)) problems.push(`must open with "# ${manifest.name}".`)
  if (!/\b(leaves?|left) out\b/i.test(opening)) problems.push('the opening must say what the package models and what it leaves out.')
  const wanted = sections.filter((section) => section !== 'Sources' || !withoutSources.includes(manifest.name))
  if (hasOptions(join(root, folder, 'src'), manifest)) wanted.push('Options')
  for (const section of wanted) {
    if (!bodies.get(section)) problems.push(`the section "## ${section}" is missing or empty.`)
  }
  const reasons = bodies.get('Dependencies') ?? ''
  for (const name of Object.keys(manifest.dependencies ?? {})) {
    if (!reasons.includes(`\`${name}\``)) problems.push(`"## Dependencies" must say why \`${name}\` is there.`)
  }
  return problems
}

/**
 * @param {string} source folder
 * @param {any} manifest
 */
function hasOptions(source, manifest) {
  if (manifest.servesim === undefined) return false
  return readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .some((name) => readFileSync(join(source, name), 'utf8').includes('.describe('))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) report(manifestProblems(process.cwd()))
