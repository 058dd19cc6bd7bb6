// `npm run registry-page -- [found.json …] [-o page.html]`: one static page of all plugins, ours from the workspace and those of others from saved
// answers of `npm search servesim-plugin --json` or `npm view <name> --json`. Conformance is that of the last `npm test`.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { workspacePackages } from './workspace-packages.mjs'

/**
 * @typedef {object} Row
 * @property {string} name
 * @property {string} kind
 * @property {string} contract
 * @property {string} version
 * @property {string} provides
 * @property {string} description
 * @property {string} conformance
 * @property {string} example
 */

const unknown = '–'
const exampleLines = 12

/**
 * @param {string} root of the repository
 * @returns {Row[]} our own plugins
 */
function ownRows(root) {
  const results = conformanceResults(root)
  return workspacePackages(root)
    .filter(({ manifest }) => !manifest.private && manifest.servesim !== undefined)
    .map(({ folder, manifest }) => {
      const readme = join(root, folder, 'README.md')
      const conformance = manifest.servesim.kind === 'preset' ? unknown : (results.get(folder) ?? 'not run')
      return rowOf(manifest, existsSync(readme) ? readFileSync(readme, 'utf8') : '', conformance)
    })
}

/**
 * @param {string} root
 * @returns {Map<string, string>} what the last `npm test` said of each package's conformance test
 */
function conformanceResults(root) {
  const file = join(root, 'node_modules', '.cache', 'servesim', 'tests-short.json')
  if (!existsSync(file)) return new Map()
  /** @type {{ testResults: { name: string, assertionResults: { status: string }[] }[] }} */
  const { testResults } = JSON.parse(readFileSync(file, 'utf8'))
  return new Map(
    testResults.flatMap(({ name, assertionResults }) => {
      const folder = /((?:packages|plugins)\/.+)\/test\/conformance\.test\.ts$/.exec(name.replaceAll('\\', '/').slice(root.length))?.[1]
      const passed = assertionResults.filter(({ status }) => status === 'passed').length
      return folder === undefined ? [] : [[folder, `${passed} of ${assertionResults.length} laws`]]
    }),
  )
}

/**
 * @param {unknown} saved an answer of `npm search --json` (a list) or of `npm view --json` (one manifest)
 * @returns {Row[]}
 */
function foundRows(saved) {
  const list = Array.isArray(saved) ? saved : [saved]
  return list
    .filter((one) => typeof one?.name === 'string' && one.keywords?.includes('servesim-plugin'))
    .map((one) => rowOf(one, typeof one.readme === 'string' ? one.readme : '', 'not reported'))
}

/**
 * @param {any} manifest
 * @param {string} readme
 * @param {string} conformance
 * @returns {Row}
 */
function rowOf({ name, version, description, keywords = [], servesim }, readme, conformance) {
  const byKeyword = keywords.find((/** @type {string} */ word) => word.startsWith('servesim-') && word !== 'servesim-plugin')
  const byName = /(?:^|\/)servesim-([a-z]+)-/.exec(name)?.[1]
  return {
    name,
    kind: servesim?.kind ?? byKeyword?.slice('servesim-'.length) ?? byName ?? unknown,
    contract: String(servesim?.contract ?? unknown),
    version: version ?? unknown,
    provides: (servesim?.provides ?? []).join(', '),
    description: description ?? '',
    conformance,
    example: exampleOf(readme),
  }
}

/** @param {string} readme */
function exampleOf(readme) {
  const below = readme.slice(Math.max(0, readme.search(/^## Example$/m)))
  const block = /^```[^\n]*\n([\s\S]*?)^```$/m.exec(below)?.[1] ?? ''
  return block.trimEnd().split('\n').slice(0, exampleLines).join('\n')
}

/**
 * @param {string} root of the repository
 * @param {readonly unknown[]} saved answers of npm
 * @returns {string} the page
 */
export function registryPage(root, saved) {
  const own = ownRows(root)
  const known = new Set(own.map(({ name }) => name))
  const rows = [...own, ...saved.flatMap(foundRows).filter(({ name }) => !known.has(name))]
  rows.sort((a, b) => (a.kind === b.kind ? (a.name < b.name ? -1 : 1) : a.kind < b.kind ? -1 : 1))
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Plugins of servesim</title>
<style>
  :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
  body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
  table { border-collapse: collapse; width: 100%; }
  th, td { border-bottom: 1px solid #8884; padding: 0.4rem 0.6rem; text-align: left; vertical-align: top; }
  pre { font: 13px/1.4 ui-monospace, monospace; overflow-x: auto; }
  small { opacity: 0.75; }
</style>
<h1>Plugins of servesim</h1>
<p>${rows.length} plugins. Install one with <code>npm install &lt;name&gt;</code>; <code>npx servesim plugins</code> lists yours.</p>
<table>
<thead><tr><th>Name</th><th>Kind</th><th>Contract</th><th>Version</th><th>Conformance</th><th>What it provides</th></tr></thead>
<tbody>
${rows.map(rowHtml).join('\n')}
</tbody>
</table>
</html>
`
}

/** @param {Row} row */
function rowHtml(row) {
  const example = row.example === '' ? '' : `<details><summary>example</summary><pre>${escaped(row.example)}</pre></details>`
  const cells = [row.kind, row.contract, row.version, row.conformance].map((cell) => `<td>${escaped(cell)}</td>`).join('')
  const provides = row.provides === '' ? '' : `<br><small>${escaped(row.provides)}</small>`
  return `<tr><td><code>${escaped(row.name)}</code></td>${cells}<td>${escaped(row.description)}${provides}${example}</td></tr>`
}

/** @param {string} text */
function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { output: { type: 'string', short: 'o', default: 'registry.html' } },
  })
  const target = resolve(values.output)
  const page = registryPage(
    process.cwd(),
    positionals.map((file) => JSON.parse(readFileSync(file, 'utf8'))),
  )
  writeFileSync(`${target}.tmp`, page)
  renameSync(`${target}.tmp`, target)
  console.log(`Wrote ${values.output}`)
}
