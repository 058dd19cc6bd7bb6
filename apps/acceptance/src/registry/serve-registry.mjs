// Runs Verdaccio on a free port of the loopback interface and says which: `node serve-registry.mjs <storage> <uplink>`.
import { runServer } from 'verdaccio'

const [storage, uplink] = process.argv.slice(2)
const everyone = { access: '$all', publish: '$all', unpublish: '$all' }

const server = await runServer({
  self_path: storage,
  storage,
  auth: {},
  uplinks: { configured: { url: uplink, cache: true, timeout: '60s', max_fails: 20, fail_timeout: '1s' } },
  // Ours never come from elsewhere, whatever lies there under their names.
  packages: {
    '@servesim/*': everyone,
    'servesim{,-*}': everyone,
    'create-servesim-plugin': everyone,
    '**': { access: '$all', proxy: 'configured' },
  },
  middlewares: {},
  web: { enable: false },
  max_body_size: '100mb',
  log: { type: 'stdout', format: 'pretty', level: 'fatal' },
})
server.listen(0, '127.0.0.1', () => process.send?.({ port: server.address().port }))
