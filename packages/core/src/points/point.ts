/** How the contributions to a point combine. */
export type Cardinality =
  /** Many providers; the scenario picks one by `use`. */
  | 'named'
  /** One active owner in each scope; a second is a conflict that names both. */
  | 'single'
  /** All active ones, in the order written and by their declared `after`. */
  | 'chain'

/** What one choice covers. Cardinality counts inside the scope. */
export type Scope = 'cluster' | 'pool' | 'replica'

/**
 * An extension point. Points match by `id` and `contract`, never by identity, so that two installed copies of core do no harm.
 * @typeParam Provided what a plugin hands to `host.provide`
 */
export interface Point<Provided> {
  readonly id: string
  /** Raised when the interface breaks; a plugin built for another number is refused with a sentence. */
  readonly contract: number
  readonly cardinality: Cardinality
  readonly scope: Scope
  /** Never set; carries the type. */
  readonly provided?: Provided
}

export function definePoint<Provided>(point: Omit<Point<Provided>, 'provided'>): Point<Provided> {
  return Object.freeze({ ...point })
}
