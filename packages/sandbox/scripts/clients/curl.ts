import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Desk, must } from './desk.ts';

/** Drives curl as Stripe's documentation writes it: `-u key:`, `-d` with brackets, `-G` for lists. */
export async function driveCurl(desk: Desk): Promise<void> {
  const api = `http://127.0.0.1:${desk.port}/v1`;
  const curl = async (path: string, ...args: string[]): Promise<Record<string, unknown>> => {
    const { stdout } = await promisify(execFile)('curl', ['-s', `${api}${path}`, '-u', 'sk_test_run_curl:', ...args]);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const data = (...fields: string[]): string[] => fields.flatMap((field) => ['-d', field]);
  const customer = await desk.check('customer', async () => {
    const made = await curl('/customers', ...data('email=ada@example.com', 'metadata[tenant]=42'));
    must(made['object'] === 'customer', JSON.stringify(made));
    return String(made['id']);
  });
  await desk.check('price with product_data', async () => {
    const fields = ['currency=usd', 'unit_amount=1000', 'recurring[interval]=month', 'product_data[name]=Gold Plan'];
    must((await curl('/prices', ...data(...fields)))['object'] === 'price', 'It is none.');
  });
  await desk.check('list', async () => {
    const list = await curl(
      '/customers',
      '-G',
      ...data('limit=1', `email=ada@example.com`, 'expand[]=data.subscriptions'),
    );
    must(list['object'] === 'list', JSON.stringify(list));
  });
  await desk.check('delete', async () => {
    must((await curl(`/customers/${customer ?? ''}`, '-X', 'DELETE'))['deleted'] === true, 'It is still there.');
  });
}
