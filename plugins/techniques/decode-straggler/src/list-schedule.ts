// LEAD: read /tmp/brief/straggler-findings.md before going on (then delete this line).
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
  // Progress that every running block has made since the start of the kernel, in tokens: equal shares, so one clock serves all.
  let progress = 0
  let time = 0
  let running = 0
  const endsAt: number[] = []
  const blocks: number[] = []
  let run = 0
  let left = count[0] ?? 0
  for (;;) {
    while (running < slots && run < tokens.length) {
      const work = tokens[run]!
      // Rows that only pad the batch have nothing to read.
      const started = work === 0 ? 0 : Math.min(left, slots - running)
      if (started > 0) {
        endsAt.push(progress + work)
        blocks.push(started)
        running += started
      }
      left -= work === 0 ? left : started
      if (left === 0) left = count[++run] ?? 0
    }
    if (running === 0) return time
    let next = 0
    for (let i = 1; i < endsAt.length; i++) if (endsAt[i]! < endsAt[next]!) next = i
    time += (endsAt[next]! - progress) * Math.max(saturatingBlocks, running)
    progress = endsAt[next]!
    running -= blocks[next]!
    endsAt[next] = endsAt.at(-1)!
    blocks[next] = blocks.at(-1)!
    endsAt.pop()
    blocks.pop()
  }
}

/**
 * The launch of a decode kernel that splits no sequence: one block per sequence and KV head, sequences in batch order, heads outermost
 * (FlashAttention-2's grid of batch × heads).
 */
export function decodeLaunch(contexts: readonly number[], kvHeads: number): Launch {
  const tokens: number[] = []
  const count: number[] = []
  for (let head = 0; head < kvHeads; head++) {
    for (const context of contexts) {
      if (context === tokens.at(-1)) count[count.length - 1]!++
      else {
        tokens.push(context)
        count.push(1)
      }
    }
  }
  return { tokens, count }
}
