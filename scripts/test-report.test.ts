import { expect, test } from 'vitest'
import { countTests } from './test-report.mjs'

const file = (status: string, ...tests: string[]) => ({ status, assertionResults: tests.map((test) => ({ status: test })) })

test('counts passed and failed tests', () => {
  const report = { numPassedTests: 2, numFailedTests: 1, testResults: [file('failed', 'passed', 'failed'), file('passed', 'passed')] }
  expect(countTests(report, 1)).toEqual({ passed: 2, failed: 1 })
})

test('a file that cannot be imported counts as one failure', () => {
  const report = { numPassedTests: 1, numFailedTests: 1, testResults: [file('failed'), file('failed', 'failed', 'passed')] }
  expect(countTests(report, 1)).toEqual({ passed: 1, failed: 2 })
})

test('an unhandled error beside passing tests counts as one failure', () => {
  expect(countTests({ numPassedTests: 1, numFailedTests: 0, testResults: [file('passed', 'passed')] }, 1)).toEqual({ passed: 1, failed: 1 })
})

test('a run without a report failed', () => {
  expect(countTests(undefined, 1)).toEqual({ passed: 0, failed: 1 })
})

test('no test at all is no failure', () => {
  expect(countTests({ numPassedTests: 0, numFailedTests: 0, testResults: [] }, 0)).toEqual({ passed: 0, failed: 0 })
})
