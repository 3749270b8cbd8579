/** Who sells in the drills. */
export const drillSeller = {
  name: 'Skycast',
  tagline: 'Weather for programs.',
  description: 'Weather.',
  support_email: 'help@skycast.example',
  key_prefix: 'sky',
  api_url: 'http://localhost:4010',
};
