// Which way the arrows point, DESIGN of the packages: servesim → preset, config, report → core ← models, profile, workload, plugins.

const notTests = '[.]test[.]ts$'

/** Folders in which a package's own tests live, and what those may use beside its source. */
const source = (/** @type {string} */ folders) => ({ path: `^(${folders})/src/`, pathNot: notTests })

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'A cycle hides which of the files comes first.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'core-stands-alone',
      comment: 'Core knows interfaces only; whatever it needs from a package of ours belongs behind an extension point.',
      severity: 'error',
      from: source('packages/core'),
      to: { path: '^(packages|plugins|apps)/', pathNot: '^packages/core/' },
    },
    {
      name: 'runs-in-a-browser',
      comment: 'These run in a browser worker as they are. What needs Node lives under src/node (or src/node.ts) of profile and workload.',
      severity: 'error',
      from: {
        path: '^(packages/(core|models|profile|roofline|workload|report)|plugins/[^/]+/[^/]+)/src/',
        pathNot: [notTests, '^packages/(profile|workload)/src/node(/|[.]ts$)'],
      },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'around-core',
      comment: 'models, profile, workload, config, report and testkit stand on core alone.',
      severity: 'error',
      from: { path: '^packages/(models|profile|workload|config|report|testkit)/src/', pathNot: notTests },
      to: { path: '^(packages|plugins|apps)/', pathNot: '^packages/($1|core)/' },
    },
    {
      name: 'roofline-on-profile',
      comment: 'roofline makes devices from figures or from bundles.',
      severity: 'error',
      from: source('packages/roofline'),
      to: { path: '^(packages|plugins|apps)/', pathNot: '^packages/(roofline|profile|core)/' },
    },
    {
      name: 'plugins-stand-apart',
      comment: 'A plugin uses core, models, profile and roofline; what two plugins share is an extension point.',
      severity: 'error',
      from: { path: '^plugins/([^/]+/[^/]+)/src/', pathNot: notTests },
      to: { path: '^(packages|plugins|apps)/', pathNot: '^(packages/(core|models|profile|roofline)|plugins/$1)/' },
    },
    {
      name: 'nobody-imports-the-command-line',
      comment: 'The command line and the apps are where the arrows begin.',
      severity: 'error',
      from: { pathNot: '^(packages/cli|apps)/' },
      to: { path: '^(packages/cli|apps)/' },
    },
    {
      name: 'resolvable',
      comment: 'An import must lead somewhere: a dependency missing in package.json, or a typing mistake.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Templates are packages of their own, once they are written.
    exclude: { path: '/(dist|templates)/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@servesim/source', 'types', 'node', 'import', 'default'],
    },
  },
}
