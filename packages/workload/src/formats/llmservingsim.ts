import { NO_PARENT, PrefixInterner } from '../prefix-interner.js'
import type { TraceInput, TraceReader } from '../trace-reader.js'
import { jsonObject, shown, tokenCount, wholeNs } from './fields.js'

/** vLLM's and LLMServingSim's block size. */
const DEFAULT_GROUP_TOKENS = 16

/**
 * LLMServingSim's JSON Lines: flat requests and agentic sessions (`sub_requests`), mixed in any order. Token ids of input and output
 * give the identity of every whole group of tokens; a request without `input_tok_ids` has none.
 * Source: casys-kaist/LLMServingSim, workloads documentation and loader, revision 5daddb2.
 */
export const llmservingsim: TraceReader = {
  name: 'llmservingsim',
  example: '{"input_toks": 512, "output_toks": 128, "arrival_time_ns": 46926808}',
  recognises: (firstLine) =>
    /"sub_requests"\s*:/.test(firstLine) || (/"input_toks"\s*:/.test(firstLine) && /"arrival_time_ns"\s*:/.test(firstLine)),
  open(input) {
    const identity = new TokenIdentity(input)
    const sessionIds = new Set<unknown>()
    return (line) => {
      const record = jsonObject(line, input)
      const arrivalNs = wholeNs(record.arrival_time_ns, 'arrival_time_ns', input)
      if (record.sub_requests === undefined) {
        input.rows.add(arrivalNs, tokenCount(record.input_toks, 'input_toks', input), tokenCount(record.output_toks, 'output_toks', input))
        identity.add(record, '')
      } else {
        requireNewSession(record.session_id, sessionIds, input)
        addSession(arrivalNs, record.sub_requests, identity, input)
      }
    }
  },
}

function addSession(arrivalNs: number, calls: unknown, identity: TokenIdentity, input: TraceInput): void {
  if (!Array.isArray(calls) || calls.length === 0)
    throw input.error(`sub_requests is ${shown(calls)}; expected a list of at least one call.`)
  let toolNs = 0
  for (let k = 0; k < calls.length; k++) {
    const path = `sub_requests[${k}]`
    const call: unknown = calls[k]
    if (typeof call !== 'object' || call === null) throw input.error(`${path} is ${shown(call)}; expected an object.`)
    const record = call as Record<string, unknown>
    const promptTokens = tokenCount(record.input_toks, `${path}.input_toks`, input)
    const outputTokens = tokenCount(record.output_toks, `${path}.output_toks`, input)
    if (k === 0) input.rows.add(arrivalNs, promptTokens, outputTokens)
    else input.rows.addCall(toolNs, promptTokens, outputTokens)
    identity.add(record, `${path}.`)
    toolNs = wholeNs(record.tool_duration_ns ?? 0, `${path}.tool_duration_ns`, input)
  }
}

function requireNewSession(id: unknown, known: Set<unknown>, input: TraceInput): void {
  if (id === undefined) return
  if (known.has(id))
    throw input.error(
      `session_id ${shown(id)} was used before; expected a new one.`,
      'Put all calls of a session into one line, or rename it.',
    )
  known.add(id)
}

/** Turns token ids into prefix ids. */
class TokenIdentity {
  private readonly groupTokens: number
  private readonly interner: PrefixInterner
  private tokens = new Int32Array(4096)

  constructor(private readonly input: TraceInput) {
    this.groupTokens = input.groupTokens ?? DEFAULT_GROUP_TOKENS
    this.interner = new PrefixInterner(this.groupTokens)
    input.rows.prefixGroupTokens = this.groupTokens
  }

  /** Adds the identity of the last row, whose lengths were checked. */
  add(record: Record<string, unknown>, path: string): void {
    if (record.input_tok_ids === undefined) return
    let count = this.copy(record.input_tok_ids, 0, record.input_toks as number, `${path}input_tok`)
    if (record.output_tok_ids !== undefined)
      count = this.copy(record.output_tok_ids, count, record.output_toks as number, `${path}output_tok`)
    let parent = NO_PARENT
    for (let start = 0; start + this.groupTokens <= count; start += this.groupTokens) {
      parent = this.interner.intern(parent, this.tokens, start)
      this.input.rows.addPrefixId(parent)
    }
  }

  /** @returns tokens copied so far */
  private copy(ids: unknown, offset: number, expected: number, field: string): number {
    if (!Array.isArray(ids)) throw this.input.error(`${field}_ids is ${shown(ids)}; expected a list of token ids.`)
    if (ids.length !== expected) {
      throw this.input.error(
        `${field}_ids has ${ids.length} entries, ${field}s says ${expected}.`,
        'List every token once, or leave the ids out.',
      )
    }
    if (offset + expected > this.tokens.length) {
      const larger = new Int32Array((offset + expected) * 2)
      larger.set(this.tokens)
      this.tokens = larger
    }
    for (let i = 0; i < expected; i++) {
      const id: unknown = ids[i]
      this.tokens[offset + i] = id as number
      // A typed array stores anything as an integer; what comes back changed was none.
      if (this.tokens[offset + i] !== id || (id as number) < 0)
        throw this.input.error(`${field}_ids[${i}] is ${shown(id)}; expected a token id, an integer of 0 or more.`)
    }
    return offset + expected
  }
}
