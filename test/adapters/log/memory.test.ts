// Goal: the log in memory keeps the contract of the port. Method: the check list.
import { memoryLog } from '../../../src/adapters/log/memory.ts';
import { systemClock } from '../../../src/adapters/clock/system.ts';
import { checkLog } from '../../checks/log.ts';

checkLog('in memory', () => ({ open: () => Promise.resolve(memoryLog(systemClock())), durable: false }));
