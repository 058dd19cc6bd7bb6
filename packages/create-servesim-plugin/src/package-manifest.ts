import { type Kind, kinds, manifestKind } from './kinds.js'

/** Cores that plugins of this template work with. */
const coreRange = '>=0.1.0 <1'
/** As core's own, so that there is one copy. */
const zodRange = '^4.6.7'
const typescriptRange = '~5.9.3'

/** The manifest of a new plugin. */
export function packageManifest(kind: Kind, name: string, packageName: string): object {
  const common = {
    name: packageName,
    version: '0.1.0',
    description: `${name}: ${kinds[kind]}, for servesim.`,
    keywords: ['servesim-plugin', 'servesim', `servesim-${manifestKind(kind)}`],
    license: 'Apache-2.0',
    type: 'module',
  }
  const servesim = { kind: manifestKind(kind), contract: 1, provides: [name] }
  const engines = { node: '>=20.19' }
  if (kind === 'device-data') {
    return {
      ...common,
      files: ['bundle.json', 'tp1'],
      engines,
      servesim,
      scripts: { test: 'node --test', start: 'servesim run servesim.yaml --profile .' },
      devDependencies: {
        '@servesim/core': coreRange,
        '@servesim/models': coreRange,
        '@servesim/profile': coreRange,
        '@servesim/testkit': coreRange,
        servesim: coreRange,
      },
    }
  }
  return {
    ...common,
    sideEffects: false,
    exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' }, './package.json': './package.json' },
    files: ['dist', '!dist/.tsbuildinfo'],
    engines,
    servesim,
    scripts: {
      build: 'tsc',
      test: 'npm run build && node --test',
      start: 'npm run build && servesim run servesim.yaml --plugin ./dist/index.js',
      prepack: 'npm run build',
    },
    dependencies: { zod: zodRange },
    peerDependencies: { '@servesim/core': coreRange },
    devDependencies: { '@servesim/core': coreRange, '@servesim/testkit': coreRange, servesim: coreRange, typescript: typescriptRange },
  }
}
