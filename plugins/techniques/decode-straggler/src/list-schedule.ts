/** Thread blocks in launch order, run-length encoded: `count[i]` blocks that each read `tokens[i]` tokens of KV. */
export interface Launch {
  readonly tokens: readonly number[]
  readonly count: readonly number[]
}

/** What the blocks run on. */
export interface Machine {
  /** Blocks that run at a time. */
  slots: number
  /** Running blocks that it takes to saturate memory: fewer run at their own speed limit, more share the bandwidth. */
  saturatingBlocks: number
}

/**
 * When the last block of a kernel finishes. Blocks start in launch order, each as soon as a slot is free; running blocks share memory
 * bandwidth equally, none faster than its limit. Exact: blocks that start together with equal work are one entry, which changes nothing
 * but the effort.
 * @returns time in units of what saturated memory needs for one token of one block
 */
export function finishTime({ tokens, count }: Launch, { slots, saturatingBlocks }: Machine): number {
  // Tokens that a block which ran from the start would have read: shares are equal, so one clock serves all blocks.
  let progress = 0
  let time = 0
  let running = 0
  const endsAt: number[] = []
  const blocks: number[] = []
  let run = 0
  let left = count[0] ?? 0
  for (;;) {
    while (running < slots && run < tokens.length) {
      const started = Math.min(left, slots - running)
      if (started > 0) {
        endsAt.push(progress + tokens[run]!)
        blocks.push(started)
        running += started
        left -= started
      }
      if (left === 0) left = count[++run] ?? 0
    }
    if (running === 0) return time
    let first = 0
    for (let i = 1; i < endsAt.length; i++) if (endsAt[i]! < endsAt[first]!) first = i
    time += (endsAt[first]! - progress) * Math.max(saturatingBlocks, running)
    progress = endsAt[first]!
    running -= blocks[first]!
    endsAt[first] = endsAt.at(-1)!
    blocks[first] = blocks.at(-1)!
    endsAt.pop()
    blocks.pop()
  }
}

/**
 * The launch of a decode kernel that splits no sequence: one block per sequence and KV head, heads outermost and sequences in batch
 * order within (FlashAttention-2's grid of batch × heads).
 */
export function decodeLaunch(contexts: readonly number[], kvHeads: number): Launch {
  const tokens: number[] = []
  const count: number[] = []
  for (const context of contexts) {
    if (context === tokens.at(-1)) count[count.length - 1]!++
    else {
      tokens.push(context)
      count.push(1)
    }
  }
  const heads = Array.from({ length: kvHeads })
  return { tokens: heads.flatMap(() => tokens), count: heads.flatMap(() => count) }
}

/** Time of the launch if memory were saturated to its end, in the same unit. */
export function saturatedTime({ tokens, count }: Launch): number {
  return tokens.reduce((sum, work, i) => sum + work * count[i]!, 0)
}
