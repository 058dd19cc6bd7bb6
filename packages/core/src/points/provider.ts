import type { z } from 'zod'

/** Options are one strict zod object: defaults, command-line help, JSON Schema and README tables come from it. */
export type OptionsSchema = z.ZodObject

/**
 * What a plugin provides at a point: a name, its options, and how to build the part.
 * @typeParam Part the built part that core calls
 * @typeParam Context what core hands over at build
 */
export interface Provider<Part, Context, Schema extends OptionsSchema = OptionsSchema> {
  /** kebab-case, unique at its point; scenarios name it in `use`. */
  readonly name: string
  /** One sentence for `servesim plugins` and the help. */
  readonly description: string
  readonly options: Schema
  /** Runs once per scope before the first event. All user mistakes surface here, as `ServesimError`. */
  build(options: z.output<Schema>, context: Context): Part
}

/**
 * How closely a part looks at a running batch; build picks the path by it.
 * - `shape`: counts and sums only
 * - `sequences`: single sequences, but not single tokens
 * - `tokens`: every token, which rules stretches out
 */
export type Reads = 'shape' | 'sequences' | 'tokens'

export interface Part {
  readonly reads: Reads
}
