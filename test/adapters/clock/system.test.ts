// Goal: the clock of the machine keeps the contract of the port. Method: the check list, time passing by itself.
import { systemClock } from '../../../src/adapters/clock/system.ts';
import { checkClock } from '../../checks/clock.ts';

checkClock('system', () => {
  const clock = systemClock();
  return { clock, pass: (ms) => clock.sleep(ms) };
});
