/** What a plugin can be, and what a person is asked to choose from. */
export const kinds = {
  'device-data': 'a device as data: measured operator latencies, no code',
  device: 'a device in code: a model of how long each operator takes',
  technique: 'a serving technique that changes what a step costs',
  scheduler: 'forms the steps of a replica',
  router: 'picks the replica that serves a request',
  eviction: 'picks the cached KV blocks that are reused first',
  admission: 'lets requests in, has them wait at the door, or refuses them',
  workload: 'generates requests',
  network: 'prices collectives and transfers',
} as const

export type Kind = keyof typeof kinds

export function isKind(text: string): text is Kind {
  return Object.hasOwn(kinds, text)
}

/** What the package's name and manifest call it. */
export function manifestKind(kind: Kind): string {
  return kind === 'device-data' ? 'bundle' : kind
}
