import { z } from 'zod'
import { topologyNames } from './topology.js'

const bandwidth = z.number().min(1e-3).max(1e6).optional()
const dimensions = z.array(z.number().int().min(1).max(4096)).min(2).max(3).optional().describe('Places along each dimension of a torus')

/**
 * Latencies of collectives: what a small NCCL all-reduce takes among 2, 4 and 8 GPUs of a node (5.9, 9.3 and 15.6 µs on H100, 6.2 and 24 on
 * RTX PRO 6000 over PCIe; NVIDIA AIConfigurator, NCCL 2.29.2) is about 3.7 µs and 1.2 for each of its 2(n − 1) steps. Transfers and hops
 * between nodes: AIConfigurator's point-to-point and inter-rack latency.
 */
export const fabricOptions = z.strictObject({
  intraNode: z
    .strictObject({
      topology: z
        .enum(topologyNames)
        .optional()
        .describe('Absent: by the device’s link: NVLink and PCIe switch, ICI torus, others full mesh'),
      dimensions,
      bandwidthGBps: bandwidth.describe('One direction of one link, 10⁹ B/s; absent: of the device’s links'),
      latencyUs: z
        .number()
        .min(0)
        .max(1e6)
        .optional()
        .describe(
          'Of a message between neighbours: each step of a collective, each further hop. Absent: 1.2, or as measured on links like these',
        ),
    })
    .prefault({})
    .describe('Links between the devices of a node'),
  interNode: z
    .strictObject({
      topology: z.enum(topologyNames).default('switch').describe('How nodes are joined'),
      dimensions,
      bandwidthGBps: bandwidth.describe(
        'One direction of one device’s port, 10⁹ B/s; what joins two nodes directly carries that of all devices of one. Absent: by the device’s generation',
      ),
      latencyUs: z.number().min(0).max(1e6).default(5).describe('Of a message from node to node'),
    })
    .prefault({})
    .describe('Links between nodes'),
  host: z
    .strictObject({
      bandwidthGBps: bandwidth.describe('One direction of a device’s link to its host, 10⁹ B/s; absent: PCIe of the device’s generation'),
      memoryGBps: z
        .number()
        .min(1e-3)
        .max(1e6)
        .default(460)
        .describe('Memory of one host, reads and writes together: 12 channels of DDR5-4800'),
    })
    .prefault({})
    .describe('Hosts and their memory'),
  transferLatencyUs: z.number().min(0).max(1e6).default(10).describe('Of any transfer, its software included'),
  collectiveLatencyUs: z.number().min(0).max(1e6).default(3.7).describe('Of any collective, beside its steps'),
})

/** Of a message between neighbours where nothing else is known, µs. */
export const stepLatencyUs = 1.2

export type FabricOptions = z.output<typeof fabricOptions>
