import { attentionOffload } from '@servesim/technique-attention-offload'
import { describeTechnique } from '@servesim/testkit'
import { subBatchInterleaving } from '../src/index.js'

describeTechnique(subBatchInterleaving, {
  plugins: [attentionOffload],
  beside: [{ use: 'attention-offload', device: { use: 'toy-device', contextNs: 5 }, syncUs: 1 }],
})
describeTechnique(subBatchInterleaving, { pool: { parallelism: { tensor: 2 }, network: { use: 'toy-network' } } })
