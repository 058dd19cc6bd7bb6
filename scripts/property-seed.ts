import fc from 'fast-check'

// The same cases in every run: a red test is red for everybody. SERVESIM_SEED draws others.
fc.configureGlobal({ seed: Number(process.env.SERVESIM_SEED ?? 20_260_101) })
