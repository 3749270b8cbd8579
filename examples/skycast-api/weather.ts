/** Weather that never was: a pure function of the city (and the day), plausible and always the same. */

const skies = ['clear', 'partly cloudy', 'cloudy', 'light rain', 'rain', 'thunderstorm'] as const;
const winds = ['N', 'NE', 'E', 'SE', 'S', 'SW', 'W', 'NW'] as const;

export interface Forecast {
  city: string;
  current: {
    temperature_c: number;
    feels_like_c: number;
    humidity_percent: number;
    wind_kph: number;
    wind_from: string;
    sky: string;
  };
  /** Today and the nine days after it. */
  days: { in_days: number; high_c: number; low_c: number; rain_percent: number; sky: string }[];
}

export interface History {
  city: string;
  /** `2019-07-04` */
  day: string;
  hours: { hour: number; temperature_c: number; wind_kph: number; rain_mm: number }[];
}

export function forecastOf(city: string): Forecast {
  const draw = createDraws(city);
  const climate = 9 + draw() * 16;
  const days = Array.from({ length: 10 }, (_, in_days) => {
    const high = climate + 4 + (draw() - 0.5) * 6;
    const rain = draw();
    return {
      in_days,
      high_c: round(high),
      low_c: round(high - 5 - draw() * 6),
      rain_percent: Math.round(rain * 100),
      sky: skyOf(rain),
    };
  });
  const [today] = days;
  const temperature = climate + (draw() - 0.5) * 4;
  const wind = 2 + draw() * 28;
  return {
    city,
    current: {
      temperature_c: round(temperature),
      feels_like_c: round(temperature - wind / 15),
      humidity_percent: Math.round(35 + draw() * 60),
      wind_kph: round(wind),
      wind_from: winds[Math.floor(draw() * winds.length)] ?? 'N',
      sky: today?.sky ?? 'clear',
    },
    days,
  };
}

export function historyOf(city: string, day: string): History {
  const climate = 9 + createDraws(city)() * 16;
  const draw = createDraws(`${city} ${day}`);
  // Northern seasons: warmest around the 200th day of the year.
  const season = -8 * Math.cos(((dayOfYear(day) - 20) / 365) * 2 * Math.PI);
  const offset = (draw() - 0.5) * 5;
  const wet = draw() > 0.7;
  const hours = Array.from({ length: 24 }, (_, hour) => ({
    hour,
    temperature_c: round(climate + season + offset - 4 * Math.cos(((hour - 3) / 24) * 2 * Math.PI) + draw() - 0.5),
    wind_kph: round(3 + draw() * 20),
    rain_mm: wet ? round(draw() * 3) : 0,
  }));
  return { city, day, hours };
}

/** Numbers from 0 to 1 that depend on the text alone: FNV-1a as the seed, then mulberry32. */
function createDraws(text: string): () => number {
  let seed = 0x811c9dc5;
  for (const character of text.toLowerCase()) seed = Math.imul(seed ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function skyOf(rain: number): string {
  return skies[Math.floor(rain * skies.length)] ?? 'cloudy';
}

function dayOfYear(day: string): number {
  const at = new Date(`${day}T00:00:00Z`);
  return (at.getTime() - Date.UTC(at.getUTCFullYear(), 0, 1)) / 86_400_000;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
