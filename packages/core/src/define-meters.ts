import { ownDimensions } from './meter.ts';
import { type Fields, join } from './fields.ts';
import { type Aggregation, type Meter, aggregations } from './plan.ts';

const mostEvents = 20;
const mostFilters = 10;
const mostFilterValues = 100;
/** Every combination of values is a row an hour. */
const mostDimensions = 5;
/** What an event may be called, and its properties. */
const typeShape = /^[\w./:-]{1,100}$/;
const propertyShape = /^[A-Za-z_][\w.-]{0,39}$/;

/** Reads one meter of a price list. What is the default is left out, so that equal meters are equal. */
export function readMeter(fields: Fields, id: string, value: unknown): Meter {
  const path = join('meters', id);
  const meter = fields.object(value, path, ['name', 'unit'], ['aggregation', 'events', 'value', 'filters', 'group_by']);
  const aggregation = fields.oneOf(meter['aggregation'], join(path, 'aggregation'), aggregations, 'count');
  return {
    id,
    name: fields.text(meter['name'], join(path, 'name'), 60),
    unit: fields.text(meter['unit'], join(path, 'unit'), 30),
    aggregation,
    ...readEvents(fields, id, meter['events'], join(path, 'events')),
    ...readValue(fields, aggregation, meter['value'], join(path, 'value')),
    ...readFilters(fields, meter['filters'], join(path, 'filters')),
    ...readGroups(fields, meter['group_by'], join(path, 'group_by')),
  };
}

function readEvents(fields: Fields, id: string, value: unknown, path: string): Pick<Meter, 'events'> {
  if (value === undefined) return {};
  const events = fields.texts(value, path, 'types of events');
  if (Array.isArray(value) && value.length === 0)
    fields.fault(path, 'is empty: leave it out to count events of the type that is the id');
  if (events.length > mostEvents) fields.fault(path, `has more than ${mostEvents} types`);
  for (const [index, type] of events.entries()) {
    const at = `${path}[${index}]`;
    if (!typeShape.test(type)) fields.fault(at, 'must be a type of events: letters, digits and . _ / : -, at most 100');
    else if (events.indexOf(type) < index) fields.fault(at, `"${type}" is there twice`);
  }
  return events.length === 1 && events[0] === id ? {} : { events };
}

function readValue(fields: Fields, aggregation: Aggregation, value: unknown, path: string): Pick<Meter, 'value'> {
  if (value === undefined) {
    if (aggregation === 'unique') fields.fault(path, 'is missing: say which property is told apart');
    return {};
  }
  if (aggregation === 'count') fields.fault(path, "is for a meter that takes a value; 'count' counts events");
  return { value: fields.shaped(value, path, propertyShape, 'the name of a property') };
}

function readFilters(fields: Fields, value: unknown, path: string): Pick<Meter, 'filters'> {
  if (value === undefined) return {};
  const entries = fields.entries(value, path, { shape: propertyShape, meaning: 'the name of a dimension' });
  if (entries.length > mostFilters) fields.fault(path, `has more than ${mostFilters} dimensions`);
  const filters: Record<string, string[]> = {};
  for (const [name, list] of entries) {
    const at = join(path, name);
    const values = fields.texts(list, at, 'values');
    if (Array.isArray(list) && list.length === 0) fields.fault(at, 'is empty: no event would fit');
    if (values.length > mostFilterValues) fields.fault(at, `has more than ${mostFilterValues} values`);
    filters[name] = values;
  }
  return entries.length === 0 ? {} : { filters };
}

function readGroups(fields: Fields, value: unknown, path: string): Pick<Meter, 'group_by'> {
  if (value === undefined) return {};
  const names = fields.texts(value, path, 'dimensions');
  if (names.length > mostDimensions) fields.fault(path, `has more than ${mostDimensions} dimensions`);
  const own: readonly string[] = ownDimensions;
  for (const [index, name] of names.entries()) {
    const at = `${path}[${index}]`;
    if (!propertyShape.test(name)) fields.fault(at, 'must be the name of a dimension');
    else if (own.includes(name)) fields.fault(at, `"${name}" is always kept apart: leave it out`);
    else if (names.indexOf(name) < index) fields.fault(at, `"${name}" is there twice`);
  }
  return names.length === 0 ? {} : { group_by: names };
}
