import { unsupported } from '../http/api-error.ts';
import { flag, oneOf, type Param, refused, shape, text } from '../http/params.ts';

/** What several families refuse alike, each with its reason. */

/** One sandbox is one account, with no other to share money or duties with. */
const CONNECT = 'it needs Connect, and one sandbox is one account';

/** Whatever only platforms use. */
export const connectOnly = refused(CONNECT);

/** An older way to pay. */
export const oldSource = refused('sources are an older way to pay; use `default_payment_method`');

/** Who issues an invoice, or owes its taxes: the account itself. */
export const self: Param<null> = {
  read(value, path) {
    const read = shape({ account: text(), type: oneOf(['account', 'self']) }).read(value, path);
    if (read.type === 'account' || read.account !== undefined) {
      throw unsupported(`another account for \`${path}\`: ${CONNECT}`, path);
    }
    return null;
  },
};

/** No tax is computed from addresses; tax rates do what is wanted here. */
export const automaticTax: Param<null> = {
  read(value, path) {
    const read = shape({ enabled: flag(), liability: self }).read(value, path);
    if (read.enabled !== true) return null;
    throw unsupported(`\`${path}\`: it knows no country's taxes; use \`default_tax_rates\` or \`tax_rates\``, path);
  },
};
