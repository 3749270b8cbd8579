import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { calendarWindows, isTimeZone, offsetAt, windowAfter, windowStart, windowsBetween } from './calendar.ts';

/** Zones with every kind of clock: whole, half and quarter hours, midnight left out or had twice, changes of a half hour. */
const zones = [
  'UTC',
  'Africa/Cairo',
  'Africa/Casablanca',
  'Africa/Johannesburg',
  'Africa/Lagos',
  'America/Asuncion',
  'America/Caracas',
  'America/Chicago',
  'America/Havana',
  'America/Los_Angeles',
  'America/Mexico_City',
  'America/New_York',
  'America/Phoenix',
  'America/Santiago',
  'America/Sao_Paulo',
  'America/Scoresbysund',
  'America/St_Johns',
  'Antarctica/Troll',
  'Asia/Amman',
  'Asia/Beirut',
  'Asia/Damascus',
  'Asia/Gaza',
  'Asia/Kathmandu',
  'Asia/Kolkata',
  'Asia/Pyongyang',
  'Asia/Riyadh',
  'Asia/Shanghai',
  'Asia/Tehran',
  'Asia/Tokyo',
  'Atlantic/Azores',
  'Australia/Adelaide',
  'Australia/Eucla',
  'Australia/Lord_Howe',
  'Australia/Sydney',
  'Europe/Berlin',
  'Europe/Istanbul',
  'Europe/London',
  'Pacific/Auckland',
  'Pacific/Chatham',
  'Pacific/Easter',
  'Pacific/Fiji',
  'Pacific/Kiritimati',
];
const from = Date.UTC(2015, 0, 1);
const to = Date.UTC(2036, 0, 1);
const day = 86_400_000;
const hour = 3_600_000;

/** Every instant from 2015 to 2035 at which the clocks of a zone are set, found by halving. */
function transitions(zone: string): number[] {
  const found: number[] = [];
  for (let at = from; at < to; at += 7 * day) {
    if (offsetAt(at, zone) === offsetAt(at + 7 * day, zone)) continue;
    let [low, high] = [at, at + 7 * day];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (offsetAt(middle, zone) === offsetAt(low, zone)) low = middle;
      else high = middle;
    }
    found.push(high);
  }
  return found;
}

/** What a clock on the wall of a zone shows, by the operating system's own words. */
function wall(at: number, zone: string): string {
  const known = walls.get(zone);
  const format = known ?? new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' });
  walls.set(zone, format);
  return format.format(at);
}

const walls = new Map<string, Intl.DateTimeFormat>();

describe('windows of a calendar', () => {
  test.each(zones)(
    'around every change of the clocks in %s each instant lies in exactly one, and in the one of its date',
    (zone) => {
      const around = [...transitions(zone), Date.UTC(2024, 1, 29), Date.UTC(2025, 11, 31, 23, 59, 59, 999)];
      for (const change of around) {
        for (const window of calendarWindows) {
          const near = window === 'hour' ? 3 * hour : 2 * day;
          const bounds = windowsBetween({ from: change - near, to: change + near }, window, zone, 1000) ?? [];
          expect(bounds.length, `${zone} ${window}`).toBeGreaterThan(1);
          for (const [index, start] of bounds.slice(0, -1).entries()) {
            const end = bounds[index + 1] ?? 0;
            // Whatever instant of it one asks for, the window is the same one: no two hold one instant, and none is left out.
            const asked = [start, start + 1, Math.floor((start + end) / 2), end - 1];
            const found = asked.map((at) => windowStart(at, window, zone));
            expect([start < end, ...found], `${zone} ${window} ${start}`).toEqual([true, start, start, start, start]);
            if (window === 'hour') continue;
            const [first, last, next] = [wall(start, zone), wall(end - 1, zone), wall(end, zone)];
            const dates = window === 'month' ? 7 : 10;
            if (window === 'month') expect(first.slice(8, 10)).toBe('01');
            if (window !== 'week') expect(last.slice(0, dates)).toBe(first.slice(0, dates));
            expect(next.slice(0, dates)).not.toBe(last.slice(0, dates));
          }
        }
      }
    },
  );

  test('a day has 23, 24, 25 or, on Lord Howe Island, 24½ hours', () => {
    const lengths = (zone: string, at: number) => {
      const start = windowStart(at, 'day', zone);
      return (windowAfter(start, 'day', zone) - start) / hour;
    };
    expect(lengths('Europe/Berlin', Date.UTC(2026, 2, 29, 12))).toBe(23);
    expect(lengths('Europe/Berlin', Date.UTC(2026, 9, 25, 12))).toBe(25);
    expect(lengths('Australia/Lord_Howe', Date.UTC(2026, 3, 5))).toBe(24.5);
    expect(lengths('Asia/Kolkata', Date.UTC(2026, 2, 29))).toBe(24);
  });

  test('a day whose midnight is left out begins with its first instant; one that has it twice with the first', () => {
    // Clocks in Beirut go from 0:00 to 1:00 at the end of March.
    expect(wall(windowStart(Date.UTC(2026, 2, 29, 12), 'day', 'Asia/Beirut'), 'Asia/Beirut')).toBe(
      '2026-03-29 01:00:00',
    );
    // Clocks in Havana go from 1:00 back to 0:00 on 1 November 2026.
    const start = windowStart(Date.UTC(2026, 10, 1, 12), 'day', 'America/Havana');
    expect([start, wall(start, 'America/Havana')]).toEqual([Date.UTC(2026, 10, 1, 4), '2026-11-01 00:00:00']);
  });

  test('weeks begin on Monday, months on their first day, hours with the hour of the zone', () => {
    expect(windowStart(Date.UTC(2026, 2, 11, 5), 'week', 'UTC')).toBe(Date.UTC(2026, 2, 9));
    expect(windowAfter(Date.UTC(2026, 0, 31), 'month', 'UTC')).toBe(Date.UTC(2026, 1, 1));
    expect(windowStart(Date.UTC(2026, 2, 11, 5, 10), 'hour', 'Asia/Kathmandu')).toBe(Date.UTC(2026, 2, 11, 4, 15));
  });

  test('any range is covered whole, by windows that follow each other', () => {
    const instant = fc.integer({ min: from, max: to - 60 * day });
    fc.assert(
      fc.property(
        instant,
        fc.integer({ min: 1, max: 40 * day }),
        fc.constantFrom(...zones),
        fc.constantFrom(...calendarWindows),
        (at, length, zone, window) => {
          const bounds = windowsBetween({ from: at, to: at + length }, window, zone, 10_000) ?? [];
          expect(bounds[0]).toBeLessThanOrEqual(at);
          expect(bounds[1]).toBeGreaterThan(at);
          expect(bounds.at(-1)).toBeGreaterThanOrEqual(at + length);
          expect(bounds.at(-2)).toBeLessThan(at + length);
          expect(bounds.toSorted((a, b) => a - b)).toEqual(bounds);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('more windows than asked for are none', () => {
    expect(windowsBetween({ from: 0, to: 10 * hour }, 'hour', 'UTC', 9)).toBeNull();
    expect(windowsBetween({ from: 0, to: 10 * hour }, 'hour', 'UTC', 10)).toHaveLength(11);
  });
});

test('a time zone is a name of the IANA database', () => {
  for (const zone of zones) expect([zone, isTimeZone(zone)]).toEqual([zone, true]);
  for (const zone of ['', '+05:30', 'Mars/Phobos', 'Europe/Berlin\n', 'x'.repeat(100)])
    expect([zone, isTimeZone(zone)]).toEqual([zone, false]);
});
