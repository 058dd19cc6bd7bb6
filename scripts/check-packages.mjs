// Packs every public package as it would be published and lets publint and "are the types wrong" look at the tarballs.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import ts from 'typescript'
import { report, workspacePackages } from './workspace-packages.mjs'

/** Packages are ESM only: what CommonJS and resolvers before `exports` would find is nobody's concern. */
const esmOnly = ['node10', 'node16-cjs']

/** Addresses of a registry, as lockfiles and manifests hold them; a link to a package's page is none. */
const registryAddress = /(https?:\/\/[^\s"']+\.tgz|\b_?resolved"?: *"?https?:|:registry=|_authToken)/

/**
 * @param {string} root of the repository; its packages must be built
 * @param {string} folder where the tarballs go
 * @returns {Map<string, string>} path of each public package's tarball, by name
 */
export function packPackages(root, folder) {
  const packages = workspacePackages(root).filter(({ manifest }) => !manifest.private)
  const filters = packages.flatMap(({ manifest }) => ['--filter', manifest.name])
  execFileSync('pnpm', [...filters, 'pack', '--pack-destination', folder], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
  return new Map(
    packages.map(({ manifest: { name, version } }) => [name, join(folder, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`)]),
  )
}

/**
 * @param {readonly string[]} files tarballs
 * @returns {Promise<string[]>} one sentence per defect
 */
export async function tarballProblems(files) {
  const problems = []
  for (const file of files) {
    const bytes = new Uint8Array(readFileSync(file))
    const { messages, pkg } = await publint({ pack: { tarball: bytes.buffer } })
    for (const message of messages) problems.push(`${pkg.name}: ${formatMessage(message, pkg, { color: false })}`)
    const packed = createPackageFromTarballData(bytes)
    for (const problem of [...(await typeProblems(packed)), ...undeclaredImports(packed, pkg)]) problems.push(`${pkg.name}: ${problem}`)
    for (const name of packed.listFiles()) {
      if (registryAddress.test(packed.readFile(name))) problems.push(`${pkg.name}: ${name} holds the address of a registry.`)
    }
  }
  return problems
}

/**
 * @param {import('@arethetypeswrong/core').Package} packed
 * @returns {Promise<string[]>}
 */
async function typeProblems(packed) {
  const result = await checkPackage(packed)
  if (result.types === false) return hasCode(packed) ? ['it has code and no types.'] : []
  return result.problems
    .filter((problem) => !('resolutionKind' in problem && esmOnly.includes(problem.resolutionKind)))
    .map((problem) => `types are wrong: ${problem.kind}${'entrypoint' in problem ? ` at "${problem.entrypoint}"` : ''}.`)
}

/**
 * Imports of code and of declarations that an install of the package alone would not satisfy.
 * @param {import('@arethetypeswrong/core').Package} packed
 * @param {any} manifest
 * @returns {string[]}
 */
function undeclaredImports(packed, manifest) {
  const declared = new Set([manifest.name, ...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })])
  const problems = packed
    .listFiles()
    .filter((name) => !name.includes('/templates/') && /(\.[cm]?js|\.d\.[cm]?ts)$/.test(name))
    .flatMap((name) => {
      const { importedFiles } = ts.preProcessFile(packed.readFile(name))
      const packages = importedFiles
        .filter(({ fileName }) => !fileName.startsWith('.') && !isBuiltin(fileName))
        .map(({ fileName }) => fileName.split('/', fileName.startsWith('@') ? 2 : 1).join('/'))
      return packages.filter((one) => !declared.has(one)).map((one) => `${name} imports "${one}", which is no dependency.`)
    })
  return [...new Set(problems)]
}

/** @param {import('@arethetypeswrong/core').Package} packed */
function hasCode(packed) {
  return packed.listFiles().some((name) => name.includes('/dist/') && name.endsWith('.js'))
}

/**
 * @param {string} root of the repository; its packages must be built
 * @returns {Promise<string[]>} one sentence per defect of a published package or of the lockfile
 */
export async function packageProblems(root) {
  const folder = mkdtempSync(join(tmpdir(), 'servesim-pack-'))
  try {
    const problems = await tarballProblems([...packPackages(root, folder).values()])
    const lockfile = readFileSync(join(root, 'pnpm-lock.yaml'), 'utf8')
    if (registryAddress.test(lockfile)) problems.push('pnpm-lock.yaml holds the address of a registry.')
    return problems
  } finally {
    rmSync(folder, { recursive: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) report(await packageProblems(process.cwd()))
