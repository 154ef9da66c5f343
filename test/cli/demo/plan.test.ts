// Goal: whatever bounds the user sets, the plan keeps the relations that line and loop demand, and the minutes. Method: properties over all options the command line takes.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { planDemo } from '../../../src/cli/demo/plan.ts';
import { checkPolicy } from '../../../src/loop/state.ts';
import { checkLimits } from '../../../src/serving/limits.ts';

const options = fc.record({
  minutes: fc.double({ min: 2, max: 60, noNaN: true }), units: fc.integer({ min: 8, max: 512 }),
  density: fc.double({ min: 0.01, max: 1, noNaN: true }), seed: fc.nat(),
});

it('limits and policy hold their relations, and the parts fit into the minutes', () => {
  fc.assert(fc.property(options, fc.integer({ min: 1, max: 1_000_000 }), (wanted, live) => {
    const plan = planDemo(wanted, live);
    checkLimits(plan.limits);
    checkPolicy(plan.policy);
    expect(plan.trainSeconds + plan.liveSeconds).toBeLessThan(60 * wanted.minutes);
    expect(plan.denseTraining.secondsMax).toBeLessThanOrEqual(plan.trainSeconds);
    expect(plan.policy.density).toBe(wanted.density);
    expect(plan.requestsPerSecond).toBeGreaterThan(0);
    // The traffic lasts as long as the live part does.
    expect(plan.requestsPerSecond * plan.liveSeconds).toBeLessThanOrEqual(live * (1 + 1e-9));
    // Every cycle has a trial and a job that can end while there is traffic.
    expect(plan.policy.trialMsMax + 1000 * plan.policy.training.secondsMax).toBeLessThan(1000 * plan.liveSeconds);
  }));
});
