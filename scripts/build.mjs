// `npm run build`: installs what is missing and compiles every package to its dist.
import { prepare } from './workspace.mjs'

prepare()
