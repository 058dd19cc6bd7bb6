import { toyDevices } from '../toy-device.js'
import { toySchedulers } from '../toy-scheduler.js'
import { describeDevice } from './device.js'
import { describeScheduler } from './scheduler.js'

describeDevice(toyDevices)
describeDevice(toyDevices, { tensorParallel: 2 })
describeScheduler(toySchedulers)
