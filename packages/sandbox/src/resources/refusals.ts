import { unsupported } from '../http/api-error.ts';
import { flag, oneOf, type Param, refused, shape } from '../http/params.ts';

/** What several families refuse alike, each with its reason. */

/** One sandbox is one account, with no other to share money or duties with. */
const CONNECT = 'It needs Connect, and one sandbox is one account.';

/** Whatever only platforms use. */
export const connectOnly = refused(CONNECT);

/** An older way to pay. */
export const oldSource = refused('Sources are an older way to pay.');

const selfTable = shape({ account: connectOnly, type: oneOf(['account', 'self']) });

/** Who issues an invoice, or owes its taxes: the account itself. */
export const self: Param<null> = {
  inner: selfTable,
  read(value, path) {
    const read = selfTable.read(value, path);
    if (read.type === 'account') {
      throw unsupported(`another account for \`${path}\`: ${CONNECT}`, path);
    }
    return null;
  },
};

const taxTable = shape({ enabled: flag(), liability: self });

/** A schedule leaves its subscription's way of finding taxes alone. */
export const scheduledTax: Param<null> = {
  inner: taxTable,
  read(value, path) {
    const read = taxTable.read(value, path);
    if (read.enabled !== true) return null;
    throw unsupported(`\`${path}\`: set it on the subscription`, path);
  },
};
