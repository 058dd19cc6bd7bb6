import { NO_PARENT, PrefixInterner } from '../prefix-interner.js'
import type { TraceReader } from '../trace-reader.js'
import { jsonObject, scaledNs, shown, tokenCount } from './fields.js'

/** Tokens behind one of `hash_ids` in the published traces. */
const DEFAULT_GROUP_TOKENS = 512
const NS_PER_MS = 1e6
const WORD = 2 ** 32

/**
 * Mooncake's JSON Lines. `hash_ids` names a prompt's groups of 512 tokens in their context; they become dense ids in the order first
 * seen. The id of a last group that is not whole is left out, since a prefix id stands for a whole group: in the published
 * conversation trace 118 of 11,891 such ids come back.
 * Source: kvcache-ai/Mooncake, FAST'25 release.
 */
export const mooncake: TraceReader = {
  name: 'mooncake',
  example: '{"timestamp": 0, "input_length": 6758, "output_length": 500, "hash_ids": [0, 1, 2]}',
  recognises: (firstLine) => /"timestamp"\s*:/.test(firstLine) && /"input_length"\s*:/.test(firstLine),
  open(input) {
    const { rows } = input
    const groupTokens = input.groupTokens ?? DEFAULT_GROUP_TOKENS
    // Two words hold any integer that JSON carries exactly; some tools write 53-bit hashes here.
    const interner = new PrefixInterner(2)
    const words = new Int32Array(2)
    rows.prefixGroupTokens = groupTokens

    return (line) => {
      const record = jsonObject(line, input)
      const arrivalNs = scaledNs(record.timestamp, NS_PER_MS, 'ms', 'timestamp', input)
      const promptTokens = tokenCount(record.input_length, 'input_length', input)
      rows.add(arrivalNs, promptTokens, tokenCount(record.output_length, 'output_length', input))
      const ids = record.hash_ids
      if (ids === undefined) return
      if (!Array.isArray(ids)) throw input.error(`hash_ids is ${shown(ids)}; expected a list of integers.`)
      const expected = Math.ceil(promptTokens / groupTokens)
      if (ids.length !== expected) {
        const hint = `If an id covers another number of tokens here, set groupTokens.`
        throw input.error(
          `hash_ids has ${ids.length} entries; ${promptTokens} prompt tokens in groups of ${groupTokens} have ${expected}.`,
          hint,
        )
      }
      const wholeGroups = Math.floor(promptTokens / groupTokens)
      let parent = NO_PARENT
      for (let i = 0; i < ids.length; i++) {
        const id: unknown = ids[i]
        if (!Number.isSafeInteger(id) || (id as number) < 0)
          throw input.error(`hash_ids[${i}] is ${shown(id)}; expected an integer, 0 to 2^53 - 1.`)
        if (i === wholeGroups) break
        words[0] = (id as number) % WORD
        words[1] = Math.floor((id as number) / WORD)
        parent = interner.intern(parent, words, 0)
        rows.addPrefixId(parent)
      }
    }
  },
}
