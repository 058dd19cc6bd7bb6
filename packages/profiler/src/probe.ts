import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { LineReader } from './line-reader.js'
import type { ProbeCommand } from './probe-command.js'
import { ProbeFault } from './probe-fault.js'
import { type ProbeFailure, type ProbeHello, type ProbeTimes, probeProtocol, type Reply, type Request, reply } from './protocol.js'

/** Lines of the probe's stderr that an error shows. */
const shownLines = 6
const closeMs = 5000

export interface ProbeTimeouts {
  /** Until the first answer: a framework may take long to load. */
  helloMs: number
  /** Until the times of one request. */
  measureMs: number
}

type MeasureRequest = Extract<Request, { type: 'measure' }>

/** A running probe: one request at a time, each with a deadline. Whatever goes wrong is a `ProbeFault`, after which it is dead. */
export class Probe {
  private readonly lines = new LineReader()
  private readonly replies: string[] = []
  private readonly errors: string[] = []
  private fault: ProbeFault | undefined
  private wake: () => void = () => {}
  private nextId = 1
  hello!: ProbeHello

  private constructor(
    private readonly child: ChildProcessWithoutNullStreams,
    private readonly timeouts: ProbeTimeouts,
  ) {
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => this.take(chunk))
    const errorLines = new LineReader()
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      this.errors.push(...(errorLines.push(chunk) ?? []).filter((line) => /[a-z0-9]/i.test(line)))
      this.errors.splice(0, this.errors.length - shownLines)
    })
    child.stdin.on('error', () => {}) // The end of the process says more than its closed input.
    child.on('error', (error) => this.fail(`It could not be started: ${error.message}.`, 'Check the command and its permissions.'))
    // Not 'exit': only once its output is closed has everything it said been read.
    child.on('close', (code, signal) => this.fail(this.obituary(code, signal), this.lastWords('Run it by hand to see why.')))
  }

  /** Starts a probe and shakes hands. @throws ProbeFault */
  static async start({ command, args, env }: ProbeCommand, timeouts: ProbeTimeouts): Promise<Probe> {
    // A process group of its own, so that what the probe started ends with it.
    const child = spawn(command, args, { stdio: 'pipe', detached: true, env: { ...process.env, ...env } })
    const probe = new Probe(child, timeouts)
    try {
      const answer = await probe.ask({ type: 'hello', protocol: probeProtocol }, timeouts.helloMs)
      if (answer.type !== 'hello') throw probe.unexpected(answer, 'hello')
      if (answer.protocol !== probeProtocol)
        throw new ProbeFault(
          `It speaks version ${answer.protocol} of the protocol; this release speaks ${probeProtocol}.`,
          'Update the probe or servesim.',
        )
      probe.hello = answer
      return probe
    } catch (error) {
      probe.kill()
      throw error
    }
  }

  /** @throws ProbeFault */
  async measure(request: Omit<MeasureRequest, 'type' | 'id'>): Promise<ProbeTimes | ProbeFailure> {
    const id = this.nextId++
    const answer = await this.ask({ type: 'measure', id, ...request }, this.timeouts.measureMs)
    if (answer.type === 'hello') throw this.unexpected(answer, 'times or an error')
    if (answer.id !== id && !(answer.type === 'error' && answer.id === undefined))
      throw this.dead(
        new ProbeFault(
          `It answered request ${answer.id ?? 'without id'} where ${id} was asked.`,
          'A probe answers each request once, with its id.',
        ),
      )
    return answer
  }

  /** Says goodbye, and ends a probe that does not leave by itself. */
  async close(): Promise<void> {
    if (this.fault !== undefined) return
    const closed = new Promise<void>((resolve) => {
      this.wake = resolve
    })
    this.send({ type: 'bye' })
    this.child.stdin.end()
    const timer = setTimeout(() => this.kill(), closeMs)
    await closed
    clearTimeout(timer)
  }

  kill(): void {
    const { pid } = this.child
    if (pid === undefined || this.child.exitCode !== null || this.child.signalCode !== null) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      this.child.kill('SIGKILL')
    }
  }

  private async ask(request: Request, withinMs: number): Promise<Reply> {
    this.send(request)
    const deadline = setTimeout(() => {
      this.fail(
        `It did not answer within ${withinMs / 1000} s.`,
        this.lastWords('It hangs, or the shape takes longer: --timeout sets the limit.'),
      )
      this.kill()
    }, withinMs)
    try {
      while (this.replies.length === 0) {
        if (this.fault !== undefined) throw this.fault
        await new Promise<void>((resolve) => {
          this.wake = resolve
        })
      }
      return this.parse(this.replies.shift()!)
    } finally {
      clearTimeout(deadline)
    }
  }

  private send(request: Request): void {
    if (this.fault === undefined) this.child.stdin.write(`${JSON.stringify(request)}\n`)
  }

  private parse(line: string): Reply {
    let content: unknown
    try {
      content = JSON.parse(line)
    } catch {
      throw this.garbage(`It printed "${shorten(line)}", which is no JSON.`)
    }
    const parsed = reply.safeParse(content)
    if (parsed.success) return parsed.data
    const issue = parsed.error.issues[0]!
    throw this.garbage(`It answered "${shorten(line)}": ${issue.path.join('.') || 'the message'}: ${issue.message}.`)
  }

  private take(chunk: string): void {
    const lines = this.lines.push(chunk)
    if (lines === undefined) this.garbage('It printed a megabyte without a line end.')
    else this.replies.push(...lines)
    this.wake()
  }

  private garbage(sentence: string): ProbeFault {
    return this.dead(
      new ProbeFault(sentence, 'Only messages of the protocol may go to stdout, one a line; everything else goes to stderr.'),
    )
  }

  private unexpected(answer: Reply, expected: string): ProbeFault {
    const said = answer.type === 'error' ? `an error: ${answer.message}` : `"${answer.type}"`
    return this.dead(new ProbeFault(`It answered ${said} where ${expected} was expected.`, this.lastWords('Compare with the protocol.')))
  }

  /** Nothing that comes from it is believed any more. */
  private dead(fault: ProbeFault): ProbeFault {
    this.fault ??= fault
    this.kill()
    this.wake()
    return fault
  }

  private fail(sentence: string, hint: string): void {
    this.fault ??= new ProbeFault(sentence, hint)
    this.wake()
  }

  private obituary(code: number | null, signal: string | null): string {
    const half = this.lines.unfinished.trim() === '' ? '' : ` in the middle of a message ("${shorten(this.lines.unfinished)}")`
    return signal === null ? `It ended with exit code ${code}${half}.` : `It was ended by ${signal}${half}.`
  }

  private lastWords(otherwise: string): string {
    return this.errors.length === 0 ? otherwise : `It last said on stderr:\n  ${this.errors.join('\n  ')}`
  }
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}
