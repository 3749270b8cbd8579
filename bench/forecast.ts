/** What the API under load answers. */
export const forecast = { city: 'Oslo', days: [{ day: 'Monday', celsius: 4 }], unit: 'celsius' };
