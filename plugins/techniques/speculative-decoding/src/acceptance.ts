import { ServesimError } from '@servesim/core'
import type { MethodName } from './methods.js'
import { type Preset, type PresetName, presets } from './presets.js'

/** As the scenario has it: a preset, a constant chance of each draft given the one before, rates by position, or tokens of a step. */
export type AcceptanceOption = PresetName | number | readonly number[] | { meanTokens: number }

/** How often drafts are kept. */
export interface Acceptance {
  /** Entry i: how often the draft at position i + 1 is kept, of all steps that drafted as many; never rising. */
  rates: Float64Array
  /** A sentence's end: where this is known from. */
  source: string
}

/**
 * @param drafts of a step; absent: as many as the preset or the list has
 * @param conditional a list holds chances given the position before, not shares of all steps
 * @throws ServesimError SERVESIM_BAD_OPTION where rates do not reach as far as the drafts, or are none
 */
export function acceptanceOf(option: AcceptanceOption, drafts: number | undefined, conditional: boolean, path: string): Acceptance {
  if (typeof option === 'string') return fromPreset(option, drafts, path)
  if (typeof option === 'number') return constant(option, needed(drafts, path), `${option} for each draft, as the scenario states`)
  if ('meanTokens' in option) {
    const count = needed(drafts, path)
    return constant(chanceFor(option.meanTokens, count, path), count, `${option.meanTokens} tokens of a step, as the scenario states`)
  }
  const rates = conditional ? option.map((_, i) => option.slice(0, i + 1).reduce((a, b) => a * b, 1)) : option
  return { rates: reaching(falling(rates, path), drafts, path), source: 'by position, as the scenario states' }
}

function fromPreset(name: PresetName, drafts: number | undefined, path: string): Acceptance {
  const { rates, meanTokens, meanTokensOfAny, source }: Preset = presets[name]
  if (rates !== undefined) return { rates: reaching(rates, drafts, path), source }
  if (meanTokensOfAny !== undefined) {
    const count = needed(drafts, path)
    return constant(chanceFor(meanTokensOfAny, count, path), count, source)
  }
  const measured = Object.keys(meanTokens!).map(Number)
  const count = drafts ?? measured[0]!
  const tokens = meanTokens![count]
  if (tokens !== undefined) return constant(chanceFor(tokens, count, path), count, source)
  throw new ServesimError(
    'SERVESIM_BAD_OPTION',
    path,
    `"${name}" was measured with ${measured.join(', ')} drafts, not with ${count}.`,
    'Choose one of these for numSpeculativeTokens, or state the acceptance in numbers.',
  )
}

/** Where nothing says how many: three, as vLLM's own measurements of chains have. */
function needed(drafts: number | undefined, path: string): number {
  if (drafts !== undefined) return drafts
  throw new ServesimError(
    'SERVESIM_BAD_OPTION',
    path.replace(/[^.]*$/, 'numSpeculativeTokens'),
    'This acceptance does not say how many tokens are drafted.',
    'State numSpeculativeTokens, such as 3.',
  )
}

function constant(chance: number, drafts: number, source: string): Acceptance {
  return { rates: Float64Array.from({ length: drafts }, (_, i) => chance ** (i + 1)), source }
}

function falling(rates: readonly number[], path: string): readonly number[] {
  const at = rates.findIndex((rate, i) => i > 0 && rate > rates[i - 1]!)
  if (at < 0) return rates
  throw new ServesimError(
    'SERVESIM_BAD_OPTION',
    `${path}[${at}]`,
    `Draft ${at + 1} is kept in ${rates[at]} of all steps and the one before it in ${rates[at - 1]}: a draft is kept only if all before it are.`,
    'Give rates that never rise, or say with conditionalRates: true that each is a chance given the position before.',
  )
}

function reaching(rates: readonly number[], drafts: number | undefined, path: string): Float64Array {
  if (drafts === undefined || drafts <= rates.length) return Float64Array.from(rates.slice(0, drafts))
  throw new ServesimError(
    'SERVESIM_BAD_OPTION',
    path,
    `${drafts} tokens are drafted, and acceptance is known for ${rates.length}.`,
    `Lower numSpeculativeTokens to ${rates.length}, or state a rate for every position.`,
  )
}

/** α of (1 − α^(k+1)) ÷ (1 − α) = tokens, by bisection. */
function chanceFor(tokens: number, drafts: number, path: string): number {
  if (tokens > 1 + drafts) {
    throw new ServesimError(
      'SERVESIM_BAD_OPTION',
      path,
      `A step with ${drafts} drafts yields at most ${1 + drafts} tokens, not ${tokens}.`,
      'Raise numSpeculativeTokens, or lower the acceptance.',
    )
  }
  let low = 0
  let high = 1
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (meanTokensOf(constant(middle, drafts, '').rates) < tokens) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** Tokens of a step that drafts as many as there are rates. */
export function meanTokensOf(rates: Float64Array): number {
  return rates.reduce((sum, rate) => sum + rate, 1)
}

/** What the summary says of it. */
export function sentenceOf(method: MethodName, { rates, source }: Acceptance): string {
  const positions = Array.from(rates, (rate) => rate.toFixed(3)).join(', ')
  return `Drafts by ${method} are kept at rates ${positions} by position (${meanTokensOf(rates).toFixed(2)} tokens of a step): ${source}.`
}
