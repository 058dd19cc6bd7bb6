import { isServesimError, type Model, modelSource, type Plugin, Registry } from '@servesim/core'
import { register } from './register.js'
import { type Check, holds, type Suite, same } from './suite.js'

/** What every source of models must do, for each source of a plugin. */
export function describeModelSource(plugin: Plugin): void {
  register(modelSourceSuites(plugin))
}

export function modelSourceSuites(plugin: Plugin): Suite[] {
  return new Registry([plugin]).all(modelSource).map(({ provided }) => {
    const models = (): Model[] => provided.list().flatMap((id) => provided.resolve(id) ?? [])
    const checks: Check[] = [
      {
        name: 'resolves every id that it lists, and no other',
        run() {
          for (const id of provided.list())
            holds(provided.resolve(id)?.id === id, `"${id}" is listed and resolves to "${provided.resolve(id)?.id}".`)
          holds(provided.resolve('no/such-model') === undefined, 'It resolves "no/such-model".')
        },
      },
      {
        name: 'gives shapes with weights, and KV for each token',
        run() {
          for (const model of models()) {
            const { layers, weightBytes, kvBytesPerToken, operators } = model.shard({ tensor: 1, pipeline: 1, expert: 1 }, {})
            for (const [what, figure] of Object.entries({ layers, weightBytes, kvBytesPerToken, parameters: model.parameters }))
              holds(Number.isFinite(figure) && figure > 0, `${model.id} has a ${what} of ${figure}.`)
            holds(
              operators.some((operator) => operator.kind === 'attention'),
              `${model.id} has no attention.`,
            )
            holds(new Set(operators.map(({ name }) => name)).size === operators.length, `Two operators of ${model.id} have one name.`)
          }
        },
      },
      {
        name: 'splits a model over ranks into smaller shares that exchange something, or says why not',
        run() {
          for (const model of models()) {
            try {
              const whole = model.shard({ tensor: 1, pipeline: 1, expert: 1 }, {})
              const share = model.shard({ tensor: 2, pipeline: 1, expert: 1 }, {})
              holds(share.weightBytes < whole.weightBytes, `One of two ranks of ${model.id} holds no less than all weights.`)
              holds(share.kvBytesPerToken <= whole.kvBytesPerToken, `One of two ranks of ${model.id} holds more KV than one alone.`)
              holds(share.collectives.length > 0, `Two ranks of ${model.id} exchange nothing.`)
            } catch (error) {
              if (!isServesimError(error)) throw error
            }
          }
        },
      },
      {
        name: 'gives the same again',
        run() {
          const graphs = () => models().map((model) => model.shard({ tensor: 1, pipeline: 1, expert: 1 }, {}))
          same(graphs(), graphs(), 'A graph', ['at first', 'the second time'])
        },
      },
    ]
    return { title: `model source ${provided.name}`, checks }
  })
}
