import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatPath, type PathKey, parsePath, withValueAt } from './path.js'

const keys = fc
  .array(fc.oneof(fc.stringMatching(/^[a-zA-Z_$][\w$-]{0,8}$/), fc.nat(20)), { minLength: 1, maxLength: 6 })
  .filter((path) => typeof path[0] === 'string')

function valueAt(value: unknown, path: readonly PathKey[]): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<PathKey, unknown>)[key], value)
}

describe('paths', () => {
  test('are read as they are written', () => {
    expect(parsePath('pools[0].scheduler.release')).toEqual(['pools', 0, 'scheduler', 'release'])
    fc.assert(
      fc.property(keys, (path) => {
        expect(parsePath(formatPath(path))).toEqual(path)
      }),
    )
  })

  test.each(['', '.', 'a..b', 'a[', 'a[x]', 'a[-1]', 'a b', 'a]'])('%j is refused', (text) => {
    expect(() => parsePath(text)).toThrow(expect.objectContaining({ code: 'SERVESIM_BAD_OPTION' }))
  })
})

describe('setting a value', () => {
  test('makes what is missing on the way and leaves the original alone', () => {
    fc.assert(
      fc.property(keys, fc.jsonValue(), (path, value) => {
        const original = Object.freeze({})
        const zeroed = path.map((key) => (typeof key === 'number' ? 0 : key))
        expect(valueAt(withValueAt(original, zeroed, value), zeroed)).toEqual(value)
        expect(original).toEqual({})
      }),
    )
  })

  test('shares what is not on the path', () => {
    const scenario = { a: { x: 1 }, b: { y: 2 } }
    const changed = withValueAt(scenario, ['b', 'y'], 3) as typeof scenario
    expect(changed.a).toBe(scenario.a)
    expect(changed.b.y).toBe(3)
  })

  test.each([
    [{ pools: [{}] }, ['pools', 2, 'count'], 'at most 1'],
    [{ pools: [{}] }, ['pools', 'count'], 'pools[0]'],
    [{ seed: 1 }, ['seed', 'x'], 'no object'],
    [{ seed: 1 }, ['seed', 0], 'no list'],
  ] satisfies [object, PathKey[], string][])('%j at %j says what is in the way', (target, path, words) => {
    const say = () => withValueAt(target, path, 1)
    expect(say).toThrow(expect.objectContaining({ code: 'SERVESIM_BAD_OPTION' }))
    expect(() => {
      try {
        say()
      } catch (error) {
        throw new Error((error as { format(): string }).format())
      }
    }).toThrow(words)
  })

  test('a path through __proto__ changes no prototype', () => {
    withValueAt({}, ['__proto__', 'polluted'], true)
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })
})
