import { test } from 'vitest'
import { validateRun } from '../../../../packages/cli/src/validate/validate-run.js'
test('validate', async () => {
  const d = '/work/shared/data/llmservingsim'
  const t0 = performance.now()
  const v = await validateRun(`${d}/bench/examples/RTXPRO6000/Llama-3.1-8B`, { cwd: '/tmp', profiles: [`${d}/profiler/perf`], ablate: false })
  console.log(v.meanAbsErrorPct, v.metrics.map((m: any) => `${m.metric} ${m.stat} ${m.errorPct.toFixed(2)}`).join(' | '), performance.now() - t0)
  console.log(v.assumptions)
}, 60000)
