import { emptyable, type Param, shape, text } from '../../http/params.ts';
import type { Address } from '../../store/records.ts';

const line = emptyable(text());
const table = shape({ city: line, country: line, line1: line, line2: line, postal_code: line, state: line });

/** Reads an address; parts not sent are null. */
export const addressParam: Param<Address> = {
  inner: table,
  read(value, path) {
    const read = table.read(value, path);
    return {
      city: read.city ?? null,
      country: read.country ?? null,
      line1: read.line1 ?? null,
      line2: read.line2 ?? null,
      postal_code: read.postal_code ?? null,
      state: read.state ?? null,
    };
  },
};
