import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { temporaryFolder } from '../test/command.js'
import { makeFolder, writeFileAtOnce } from './write-files.js'

let folder: string
const folders: string[] = []
beforeEach(() => {
  folder = temporaryFolder()
  folders.push(folder)
})
afterAll(() => {
  for (const made of folders) rmSync(made, { recursive: true })
})

function* broken(): Generator<string> {
  yield 'half of it'
  throw new Error('power cut')
}

test('a file is there whole', () => {
  writeFileAtOnce(join(folder, 'a.txt'), ['one ', 'two'])
  expect(readFileSync(join(folder, 'a.txt'), 'utf8')).toBe('one two')
})

test('a file whose writing breaks off is not there, and the old one stays', () => {
  expect(() => writeFileAtOnce(join(folder, 'new.txt'), broken())).toThrow('power cut')
  writeFileSync(join(folder, 'old.txt'), 'old')
  expect(() => writeFileAtOnce(join(folder, 'old.txt'), broken())).toThrow('power cut')
  expect(readFileSync(join(folder, 'old.txt'), 'utf8')).toBe('old')
  expect(readdirSync(folder)).toEqual(['old.txt'])
})

test('a place where nothing can be written is named', () => {
  writeFileSync(join(folder, 'file'), '')
  expect(() => makeFolder(join(folder, 'file/below'), 'file/below')).toThrow(
    expect.objectContaining({ code: 'SERVESIM_BAD_FILE', path: 'file/below' }),
  )
  expect(() => writeFileAtOnce(join(folder, 'none/a.txt'), ['x'])).toThrow(expect.objectContaining({ code: 'SERVESIM_BAD_FILE' }))
})
