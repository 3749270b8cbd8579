/** The ticket mark. Decorative: a name always stands beside it. */
export function Mark({ small = false }: { small?: boolean }) {
  const size = small ? 18 : 30;
  return (
    <svg className="mark" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" fill="#0f766e" />
      <path
        d="M8.5 11.5A1.5 1.5 0 0 1 10 10h12a1.5 1.5 0 0 1 1.5 1.5v2.2a2.4 2.4 0 0 0 0 4.6v2.2A1.5 1.5 0 0 1 22 22H10a1.5 1.5 0 0 1-1.5-1.5v-2.2a2.4 2.4 0 0 0 0-4.6zM18 10.5v1.5m0 3v2m0 3v1.5"
        fill="none"
        stroke="#fff"
        strokeWidth="1.8"
        strokeLinejoin="round"
        strokeLinecap="round"
      />
    </svg>
  );
}
