// The public surface of every package, as API Extractor reads it from the compiled declarations: one page per entry point in docs/api,
// so that a change of what others build on is seen in review. With --check it only says what is out of date.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor'
import { report, workspacePackages } from './workspace-packages.mjs'

const folder = 'docs/api'
const silent = { default: { logLevel: ExtractorLogLevel.None } }

/**
 * @typedef {object} EntryPoint
 * @property {string} file path of its page, relative to the root
 * @property {string} packageFolder
 * @property {string} declarations path relative to the package
 */

/**
 * @param {string} root
 * @returns {EntryPoint[]} of all public packages; those without code, such as bundles, have none
 */
function entryPoints(root) {
  return workspacePackages(root).flatMap(({ folder: packageFolder, manifest }) => {
    if (manifest.private) return []
    return Object.entries(manifest.publishConfig?.exports ?? {}).flatMap(([path, { types }]) => {
      const name = [manifest.name.replace('@servesim/', ''), ...path.split('/').slice(1)].join('-')
      return types === undefined ? [] : [{ file: `${folder}/${name}.api.md`, packageFolder, declarations: types }]
    })
  })
}

/**
 * @param {string} root
 * @param {EntryPoint} entry
 * @returns {string} what API Extractor reports
 */
function extract(root, { file, packageFolder, declarations }) {
  const projectFolder = join(root, packageFolder)
  const mainEntryPointFilePath = join(projectFolder, declarations)
  const temporary = mkdtempSync(join(tmpdir(), 'servesim-api-'))
  const reportFileName = basename(file, '.api.md')
  try {
    const config = ExtractorConfig.prepare({
      configObjectFullPath: undefined,
      packageJsonFullPath: join(projectFolder, 'package.json'),
      configObject: {
        projectFolder,
        mainEntryPointFilePath,
        compiler: {
          overrideTsconfig: {
            compilerOptions: {
              target: 'ES2023',
              lib: ['ES2023'],
              module: 'NodeNext',
              moduleResolution: 'NodeNext',
              types: ['node'],
              strict: true,
              skipLibCheck: true,
            },
            files: [mainEntryPointFilePath],
          },
        },
        apiReport: { enabled: true, includeForgottenExports: true, reportFileName, reportFolder: temporary, reportTempFolder: temporary },
        docModel: { enabled: false },
        dtsRollup: { enabled: false },
        tsdocMetadata: { enabled: false },
        messages: { compilerMessageReporting: silent, extractorMessageReporting: silent, tsdocMessageReporting: silent },
      },
    })
    /** @type {string[]} */
    const errors = []
    Extractor.invoke(config, {
      localBuild: true,
      messageCallback(message) {
        message.handled = true
        if (message.logLevel === ExtractorLogLevel.Error) errors.push(message.text)
      },
    })
    if (errors.length > 0) throw new Error(`${packageFolder}: API Extractor cannot read ${declarations}: ${errors.join(' ')}`)
    return readFileSync(join(temporary, `${reportFileName}.api.md`), 'utf8').replaceAll('\r\n', '\n')
  } finally {
    rmSync(temporary, { recursive: true })
  }
}

/**
 * The pages, by path. A package whose declarations and page are those of the last time is not looked at again.
 * @param {string} root of the repository; its packages must be built
 * @returns {Map<string, string>}
 */
function apiReports(root) {
  const cacheFile = join(root, 'node_modules', '.cache', 'servesim', 'api-reports.json')
  /** @type {Record<string, string>} */
  const known = existsSync(cacheFile) ? JSON.parse(readFileSync(cacheFile, 'utf8')) : {}
  /** @type {Record<string, string>} */
  const seen = {}
  const pages = new Map(
    entryPoints(root).map((entry) => {
      const own = current(root, entry.file)
      const declarations = declarationsBelow(join(root, entry.packageFolder, 'dist'))
      const text = own !== undefined && known[entry.file] === hash(declarations, own) ? own : extract(root, entry)
      seen[entry.file] = hash(declarations, text)
      return /** @type {const} */ ([entry.file, text])
    }),
  )
  mkdirSync(join(cacheFile, '..'), { recursive: true })
  writeFileSync(cacheFile, JSON.stringify(seen))
  return pages
}

/**
 * @param {string} root
 * @param {string} file
 */
function current(root, file) {
  return existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : undefined
}

/** @param {string} dist */
function declarationsBelow(dist) {
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.d.ts'))
  return files
    .sort()
    .map((name) => `${name}\n${readFileSync(join(dist, name), 'utf8')}`)
    .join('\n')
}

/** @param {string[]} texts */
function hash(...texts) {
  return texts.reduce((state, text) => state.update(text).update('\0'), createHash('sha256')).digest('hex')
}

/**
 * Writes the pages, or with `check` only says which are out of date.
 * @param {string} root of the repository; its packages must be built
 * @param {boolean} check
 * @returns {{ written: string[], problems: string[] }}
 */
export function updateApiReports(root, check) {
  const pages = apiReports(root)
  const present = existsSync(join(root, folder)) ? readdirSync(join(root, folder)).map((name) => `${folder}/${name}`) : []
  const stale = present.filter((file) => file.endsWith('.api.md') && !pages.has(file))
  const changed = [...pages].filter(([file, text]) => current(root, file) !== text)
  const written = changed.map(([file]) => file)
  if (check) {
    const problems = [
      ...written.map((file) => `${file}: the public surface has changed; run \`npm run docs\` and look at the difference.`),
      ...stale.map((file) => `${file}: belongs to no package; run \`npm run docs\`.`),
    ]
    return { written: [], problems }
  }
  mkdirSync(join(root, folder), { recursive: true })
  for (const [file, text] of changed) writeFileSync(join(root, file), text)
  for (const file of stale) rmSync(join(root, file))
  return { written, problems: [] }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { written, problems } = updateApiReports(process.cwd(), process.argv.includes('--check'))
  for (const file of written) console.log(`Wrote ${file}`)
  report(problems)
}
