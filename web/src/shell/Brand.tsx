export function Brand() {
  return (
    <p className="brand">
      <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
        <rect width="32" height="32" rx="8" />
        <path d="M7 10h7c4 0 4 12 8 12h3" />
        <path d="M7 22h7c4 0 4-12 8-12h3" className="brand-second" />
      </svg>
      Databus
    </p>
  );
}
