import { noSuch } from '../../http/api-error.ts';
import { page, pageParams, range } from '../../http/lists.ts';
import { text } from '../../http/params.ts';
import { route } from '../../http/route.ts';

/** No bank warns of a charge that is none: there are no early fraud warnings, and who looks for them is told so. */
export const earlyFraudWarningRoutes = [
  route('GET /v1/radar/early_fraud_warnings/{id}', {}, (_context, _params, id) => {
    throw noSuch('radar early fraud warning', id, 'id');
  }),
  route(
    'GET /v1/radar/early_fraud_warnings',
    { ...pageParams, charge: text(), created: range(), payment_intent: text() },
    (_context, params) => page('/v1/radar/early_fraud_warnings', [], params, 'radar early fraud warning', () => ({})),
  ),
];
