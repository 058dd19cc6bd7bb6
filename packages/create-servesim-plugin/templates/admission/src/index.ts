import { type Admission, admission, type ClusterView, definePlugin, type Plugin, Verdict } from '@servesim/core'
import { z } from 'zod'

const options = z.strictObject({
  maxKvUse: z.number().min(0).max(1).default(0.9).describe('Requests come in while some replica uses less of its KV cache, 0–1'),
  maxQueued: z.number().int().min(0).max(1e9).default(100).describe('Requests that may wait at the door; those beyond are refused'),
})

/** Lets requests in while some replica has room in its KV cache, or has nothing to do. */
export const exampleName: Plugin = definePlugin('admission-example-name', (host) => {
  host.provide(admission, {
    name: 'example-name',
    description: 'Lets requests in while some replica has room in its KV cache.',
    options,
    build: ({ maxKvUse, maxQueued }): Admission => ({
      reason: `No replica has room, and ${maxQueued} requests wait at the door.`,
      admit(_request, view, queued) {
        if (hasRoom(view, maxKvUse)) return Verdict.accept
        return queued < maxQueued ? Verdict.queue : Verdict.refuse
      },
    }),
  })
})

export default exampleName

function hasRoom(view: ClusterView, maxKvUse: number): boolean {
  for (let replica = 0; replica < view.replicaCount; replica++) {
    // An idle replica lets one in whatever the limit: otherwise nobody would ever leave the door.
    const isIdle = view.waiting(replica) + view.running(replica) === 0
    if (view.takesRequests(replica) && (isIdle || view.kvUse(replica) < maxKvUse)) return true
  }
  return false
}
