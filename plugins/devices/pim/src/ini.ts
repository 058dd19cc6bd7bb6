import { ServesimError } from '@servesim/core'
import { parse } from 'ini'
import type { PimMemory } from './memory.js'

/**
 * A memory from the `.ini` of a DRAM simulator (DRAMsim3's sections and names, with `data_rate` in MT/s under `other`).
 * @param path of the file, for errors
 * @throws ServesimError SERVESIM_BAD_FILE naming the key that is missing or no number
 */
export function memoryFromIni(text: string, name: string, path: string): PimMemory {
  // Comments stand behind values and section names too.
  const sections = parse(text.replaceAll(/[#;].*$/gm, '')) as Record<string, Record<string, unknown> | undefined>
  const number = (section: string, ...keys: string[]): number => {
    const key = keys.find((candidate) => sections[section]?.[candidate] !== undefined)
    const value = key === undefined ? Number.NaN : Number(sections[section]![key])
    if (Number.isFinite(value) && value > 0) return value
    throw new ServesimError(
      'SERVESIM_BAD_FILE',
      path,
      `[${section}] ${keys[0]} is ${key === undefined ? 'missing' : 'no number above 0'}.`,
      'Expected the .ini of a DRAM channel, with the sections dram_structure, timing, system and other.',
    )
  }
  return {
    name,
    protocol: String(sections.dram_structure?.protocol ?? ''),
    clockNs: number('timing', 'tCK'),
    tRCD: number('timing', 'tRCD', 'tRCDRD'),
    tRP: number('timing', 'tRP'),
    tCCDS: number('timing', 'tCCD_S'),
    tCCDL: number('timing', 'tCCD_L'),
    readLatency: number('timing', 'CL'),
    tRFC: number('timing', 'tRFC'),
    tREFI: number('timing', 'tREFI'),
    burstLength: number('dram_structure', 'BL'),
    busWidthBits: number('system', 'bus_width'),
    deviceWidthBits: number('dram_structure', 'device_width'),
    columns: number('dram_structure', 'columns'),
    rows: number('dram_structure', 'rows'),
    banks: number('dram_structure', 'bankgroups') * number('dram_structure', 'banks_per_group'),
    channelMegabytes: number('system', 'channel_size'),
    megatransfersPerSecond: number('other', 'data_rate'),
  }
}
