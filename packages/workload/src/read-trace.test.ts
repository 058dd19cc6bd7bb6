import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { errorOf } from '../test/support.js'
import { parseTrace, readTrace, recogniseTrace } from './read-trace.js'
import type { TraceReader } from './trace-reader.js'

const flat = (arrivalNs: number, input = 3, output = 4) =>
  JSON.stringify({ input_toks: input, output_toks: output, arrival_time_ns: arrivalNs })

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}

describe('recognising a format', () => {
  test.each([
    ['llmservingsim', '{"output_toks": 4, "input_toks":3, "arrival_time_ns": 0}'],
    ['llmservingsim', '{"session_id": "a", "arrival_time_ns": 0, "sub_requests": [{"input'],
    ['mooncake', '{"timestamp": 0, "input_length": 6758, "output_le'],
    ['vidur', 'arrived_at,num_prefill_tokens,num_decode_tokens'],
    ['azure', 'TIMESTAMP,NumImages,ContextTokens,GeneratedTokens'],
  ])('%s by its first line', (name, line) => {
    expect(recogniseTrace(line)?.name).toBe(name)
  })

  test('an unknown format is an error that shows the line, shortened, and every format known', async () => {
    const error = await errorOf(() => parseTrace(`\n\n{"prompt": "${'long'.repeat(150)}"}\n`, { source: 'a.jsonl' }))
    expect(error.code).toBe('SERVESIM_BAD_TRACE')
    expect(error.path).toBe('a.jsonl:3')
    expect(error.message).toContain('{"prompt": "longlong')
    expect(error.message.length).toBeLessThan(160)
    for (const name of ['llmservingsim', 'mooncake', 'vidur', 'azure']) expect(error.hint).toContain(name)
  })

  test('reads a format of somebody else', () => {
    const pairs: TraceReader = {
      name: 'pairs',
      example: '512:128',
      recognises: (line) => /^\d+:\d+$/.test(line),
      open: (input) => (line) => {
        const [prompt, output] = line.split(':').map(Number)
        input.rows.add(0, prompt!, output!)
      },
    }
    const trace = parseTrace('5:6\n7:8\n', { readers: [pairs] })
    expect([trace.format, ...trace.promptTokens, ...trace.outputTokens]).toEqual(['pairs', 5, 7, 6, 8])
  })
})

describe('lines', () => {
  test('come out the same however the bytes are cut', async () => {
    const text = `\uFEFF${flat(1)}\r\n\r\n${flat(2)}\n   \n${flat(3)}`
    const bytes = new TextEncoder().encode(text)
    const whole = parseTrace(text)
    expect([...whole.arrivalNs]).toEqual([1, 2, 3])
    for (const size of [1, 2, 7, 64, 1000]) expect(await readTrace(pieces(bytes, size))).toEqual(whole)
  })

  test('are sorted by arrival, equal ones in the order of the file', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 60 }), (arrivals) => {
        const trace = parseTrace(arrivals.map((arrivalNs, i) => flat(arrivalNs, i + 1)).join('\n'))
        const expected = arrivals.map((arrivalNs, i) => [arrivalNs, i + 1] as const).sort((a, b) => a[0] - b[0])
        expect([...trace.arrivalNs]).toEqual(expected.map(([arrivalNs]) => arrivalNs))
        expect([...trace.promptTokens]).toEqual(expected.map(([, prompt]) => prompt))
      }),
    )
  })

  test('are counted in errors, blank ones included', async () => {
    const error = await errorOf(() => parseTrace(`${flat(1)}\n\n${flat(2, -3)}\n`, { source: 'b.jsonl' }))
    expect(error.path).toBe('b.jsonl:3')
    expect(error.message).toContain('input_toks is -3')
    expect(error.hint).toBeUndefined()
  })
})

describe('broken files', () => {
  test('a half-written last line says so', async () => {
    const error = await errorOf(() => parseTrace(`${flat(1)}\n${flat(2).slice(0, 20)}`, { source: 'c.jsonl' }))
    expect([error.code, error.path]).toEqual(['SERVESIM_BAD_TRACE', 'c.jsonl:2'])
    expect(error.hint).toContain('half-written')
  })

  test.each([
    ['nothing', ''],
    ['blank lines', '\n \r\n\n'],
    ['a header', 'arrived_at,num_prefill_tokens,num_decode_tokens\n'],
  ])('a file of %s has no request', async (_, text) => {
    expect((await errorOf(() => parseTrace(text))).code).toBe('SERVESIM_EMPTY_WORKLOAD')
  })

  test.each([
    ['gzip', [0x1f, 0x8b, 8, 0, 0, 10, 0xff]],
    ['UTF-16', [0xff, 0xfe, 0x41, 0, 0x42, 0]],
    ['zeros', [0, 0, 0, 10]],
    ['a character cut off at the end', [0x41, 0xe2, 0x82]],
  ])('%s is not text', async (_, bytes) => {
    const error = await errorOf(() => readTrace(pieces(Uint8Array.from(bytes), 4), { source: 'd' }))
    expect([error.code, error.path]).toEqual(['SERVESIM_BAD_TRACE', 'd:1'])
    expect(error.message).toContain('not UTF-8 text')
  })

  test('an endless line is refused before it fills the memory', async () => {
    const error = await errorOf(() => parseTrace('x'.repeat(2 ** 26 + 1)))
    expect(error.message).toContain('longer than')
  })

  test.each([0, -1, 1.5, Number.NaN, 1e30])('groupTokens %s is refused', async (groupTokens) => {
    expect((await errorOf(() => parseTrace(flat(1), { groupTokens }))).code).toBe('SERVESIM_BAD_OPTION')
  })
})
