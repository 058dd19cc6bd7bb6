import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { type Outcome, temporaryFolder } from '../test/command.js'
import { program } from '../test/program.js'

const cwd = temporaryFolder()
afterAll(() => rmSync(cwd, { recursive: true }))

function servesim(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...program, ...args], { cwd, env: { ...process.env, NODE_OPTIONS: '' } })
    const outcome = { code: -1, stdout: '', stderr: '' }
    child.stdout.on('data', (data) => {
      outcome.stdout += String(data)
    })
    child.stderr.on('data', (data) => {
      outcome.stderr += String(data)
    })
    child.on('close', (code) => resolve({ ...outcome, code: code ?? -1 }))
  })
}

test('exits with 0 and one JSON document on stdout', async () => {
  const { code, stdout, stderr } = await servesim('run', '--requests', '20', '--json')
  expect(code, stderr).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 1, requests: { finished: 20 } })
})

test('exits with 2 on bad input, nothing on stdout, and no stack', async () => {
  const { code, stdout, stderr } = await servesim('run', '--model', 'nothing-of-that-name')
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(/^SERVESIM_UNKNOWN_NAME at pools\[0\]\.model\n/)
  expect(stderr).not.toMatch(/^ +at /m)
})
