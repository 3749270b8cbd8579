import { missingParam } from '../../contract/contract.ts';
import { emptyable, type Param, shape, text } from '../../http/params.ts';
import type { ShippingRecord } from '../../store/records.ts';
import { addressParam } from '../customers/address.ts';

const table = shape({
  address: addressParam,
  carrier: text(),
  name: text(),
  phone: text(),
  tracking_number: text(),
});

/** Reads where something is sent; `''` takes it back. */
export const shippingParam: Param<ShippingRecord | null> = emptyable({
  inner: table,
  read(value, path) {
    const read = table.read(value, path);
    if (read.address === undefined) throw missingParam(`${path}[address]`);
    if (read.name === undefined) throw missingParam(`${path}[name]`);
    return {
      address: read.address,
      carrier: read.carrier ?? null,
      name: read.name,
      phone: read.phone ?? null,
      tracking_number: read.tracking_number ?? null,
    };
  },
});
