/** What one half batch asks of each resource in one layer, ns. */
export interface LayerSegments {
  deviceNs: number
  besideNs: number
  linkNs: number
}

/**
 * Time of two half batches that go through the layers in turn. Each takes, in a layer, the device, then what computes beside it, then the
 * link; a resource serves one half at a time, in the order in which they come, and a half begins a layer when it has ended the one before.
 */
export function makespanNs(layers: number, first: LayerSegments, second: LayerSegments): number {
  let device = 0
  let beside = 0
  let link = 0
  let firstReady = 0
  let secondReady = 0
  for (let layer = 0; layer < layers; layer++) {
    device = Math.max(device, firstReady) + first.deviceNs
    firstReady = device
    if (first.besideNs > 0) firstReady = beside = Math.max(beside, firstReady) + first.besideNs
    if (first.linkNs > 0) firstReady = link = Math.max(link, firstReady) + first.linkNs
    device = Math.max(device, secondReady) + second.deviceNs
    secondReady = device
    if (second.besideNs > 0) secondReady = beside = Math.max(beside, secondReady) + second.besideNs
    if (second.linkNs > 0) secondReady = link = Math.max(link, secondReady) + second.linkNs
  }
  return Math.max(firstReady, secondReady)
}
