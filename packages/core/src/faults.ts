/** One thing wrong in a price list, and where: `plans.pro.limits[0].window`. */
export interface PlanFault {
  path: string;
  message: string;
}

/** A price list that cannot be sold, with every fault in it at once, in the order of the file. */
export class PlanFaults extends Error {
  override readonly name = 'PlanFaults';
  readonly faults: PlanFault[];

  constructor(faults: PlanFault[]) {
    const lines = faults.map((fault, index) => `${index + 1}. ${fault.path}: ${fault.message}`);
    super(`The price list has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${lines.join('\n')}`);
    this.faults = faults;
  }
}
