const facts = [
  {
    title: 'Every answer says what is left',
    text: 'RateLimit headers and your remaining quota come with each response. No guessing, no surprise 429.',
    path: 'M5 18a8 8 0 1 1 14 0M12 14l3.5-4.5',
  },
  {
    title: 'You watch the bill grow',
    text: 'The dashboard shows this period’s requests and their cost as they happen, rated the way the invoice will be.',
    path: 'M4 19V5M4 19h16M8 15l3.5-4 3 2.5L20 7',
  },
  {
    title: 'Keys you can take back',
    text: 'Make as many keys as you have services. Revoke one and it stops within a second, everywhere.',
    path: 'M14 4a6 6 0 1 1-3.6 10.8L4 21.2V18h3v-3h3.2M16.5 7.5v.01',
  },
];

/** What holds for every API that is sold through Farebox. */
export function Facts() {
  return (
    <section className="facts wrap" aria-label="Why it is easy to build on">
      {facts.map((fact) => (
        <article key={fact.title}>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d={fact.path} />
          </svg>
          <h2>{fact.title}</h2>
          <p>{fact.text}</p>
        </article>
      ))}
    </section>
  );
}
