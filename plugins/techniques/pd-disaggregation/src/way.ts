/** A request whose prompt another pool computes, until its KV has landed. */
export class Way {
  /** Row that has the prompt computed; −1: not begun, or over. */
  subrequest = -1
  computed = false
  /** Replica that computes or has computed the prompt; −1: not known yet, or dead. */
  source = -1
  /** Row that keeps the blocks there once the prompt is computed; −1: none. */
  kept = -1
  /** Replica whose blocks wait for the KV; −1: none yet. */
  target = -1
  /** Tokens of the prompt that need no sending any more: cached at the target, or sent. */
  sentTokens = 0
  loadingSinceNs = 0
  /** Transfers that have not arrived. */
  pending = 0
  readonly tickets: number[] = []

  /** @param tokens that a prefill replica computes */
  constructor(
    readonly request: number,
    readonly tokens: number,
  ) {}
}
