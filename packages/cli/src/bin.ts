import { main } from './main.js'

// A reader that closes its end early, such as `head`, is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

// The process ends by itself once its output is written.
process.exitCode = await main(process.argv.slice(2))
