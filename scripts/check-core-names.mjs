// Core knows interfaces and no plugin: no string and no import in packages/core/src may name one.
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { report, workspacePackages } from './workspace-packages.mjs'

/**
 * @param {string} root of the repository
 * @returns {string[]} one sentence per place where core names a plugin
 */
export function pluginNamesInCore(root) {
  const names = pluginNames(root)
  const folder = join(root, 'packages', 'core', 'src')
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .sort()
    .flatMap((file) => {
      const text = readFileSync(join(folder, file), 'utf8')
      return stringsOf(file, text).flatMap(({ line, value }) =>
        wordsOf(value)
          .filter((word) => names.has(word))
          .map((word) => `packages/core/src/${file}:${line} names the plugin "${word}"; put what core needs behind an extension point.`),
      )
    })
}

/**
 * Names of packages, of their folders and of what they provide.
 * @param {string} root
 * @returns {Set<string>}
 */
function pluginNames(root) {
  const plugins = workspacePackages(root).filter(({ folder }) => folder.startsWith('plugins/'))
  return new Set(
    plugins.flatMap(({ folder, manifest }) => [
      manifest.name,
      manifest.name.split('/').at(-1),
      basename(folder),
      ...(manifest.servesim?.provides ?? []),
    ]),
  )
}

/**
 * @param {string} value
 * @returns {string[]} the words that could be a package, a folder or a provider
 */
function wordsOf(value) {
  return value.match(/@?[\w-]+(\/[\w-]+)*/g) ?? []
}

/**
 * String literals, literal types, template parts and import paths.
 * @param {string} file
 * @param {string} text
 * @returns {{ line: number, value: string }[]}
 */
function stringsOf(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest)
  /** @type {{ line: number, value: string }[]} */
  const found = []
  /** @param {ts.Node} node */
  const visit = (node) => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) {
      found.push({ line: source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1, value: node.text })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

if (process.argv[1] === fileURLToPath(import.meta.url)) report(pluginNamesInCore(process.cwd()))
