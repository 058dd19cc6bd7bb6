import type { Step } from './step.js'

/** The formed steps of a replica, oldest first, in slots that are used again. The oldest executes, those behind it wait or are in stages. */
export class StepRing {
  /** Formed and not completed. */
  count = 0
  private head = 0

  /** @param steps the slots; as many steps can be formed and not completed */
  constructor(private steps: Step[]) {}

  get capacity(): number {
    return this.steps.length
  }

  get isFull(): boolean {
    return this.count === this.steps.length
  }

  /** The oldest step. */
  get executing(): Step {
    return this.steps[this.head]!
  }

  /** The step that was formed last. */
  get newest(): Step {
    return this.at(this.count - 1)
  }

  /** The slot of the step that is formed next. */
  get next(): Step {
    return this.at(this.count)
  }

  /** @param position from the oldest, 0 */
  at(position: number): Step {
    return this.steps[(this.head + position) % this.steps.length]!
  }

  /** The next slot's step is formed. */
  push(): void {
    this.count++
  }

  /** The newest formed step is formed again later. */
  pop(): void {
    this.count--
  }

  /** The oldest step is over. */
  shift(): void {
    this.head = (this.head + 1) % this.steps.length
    this.count--
  }

  /** These of its steps are formed, and no others. */
  refill(formed: readonly Step[]): void {
    this.steps = [...formed, ...this.steps.filter((step) => !formed.includes(step))]
    this.head = 0
    this.count = formed.length
  }

  /** What the steps yield for the request is nobody's. */
  dropMember(request: number): void {
    for (let i = 0; i < this.count; i++) this.at(i).dropMember(request)
  }
}
