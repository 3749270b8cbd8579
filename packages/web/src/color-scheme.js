// A classic script, run before the first paint: the stored choice wins over the system's. Kept in step with ui/theme.ts.
try {
  const stored = localStorage.getItem('farebox-color-scheme');
  const dark = stored === 'dark' || (stored !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.dataset.mantineColorScheme = dark ? 'dark' : 'light';
} catch {
  // Storage is refused (private window): the media query in tokens.css decides.
}
