import {
  createTheme,
  type CSSVariablesResolver,
  defaultVariantColorsResolver,
  localStorageColorSchemeManager,
  type MantineColorsTuple,
  type VariantColorsResolver,
} from '@mantine/core';

/** The browser's storage key is also read by color-scheme.js, before the first paint. */
export const colorSchemes = localStorageColorSchemeManager({ key: 'farebox-color-scheme' });

const teal: MantineColorsTuple = [
  '#f0fdfa',
  '#ccfbf1',
  '#99f6e4',
  '#5eead4',
  '#2dd4bf',
  '#14b8a6',
  '#0d9488',
  '#0f766e',
  '#115e59',
  '#134e4a',
];

const stone: MantineColorsTuple = [
  '#fafaf9',
  '#f5f5f4',
  '#e7e5e4',
  '#d6d3d1',
  '#a8a29e',
  '#78716c',
  '#57534e',
  '#44403c',
  '#292524',
  '#1c1917',
];

const night: MantineColorsTuple = [
  '#f5f5f4',
  '#d6d3d1',
  '#a8a29e',
  '#8a837d',
  '#423d39',
  '#2d2926',
  '#221f1c',
  '#191614',
  '#141110',
  '#0f0d0c',
];

/** The brand and the danger buttons take their colours from tokens.css, where both schemes are tuned for contrast. */
const variantColors: VariantColorsResolver = (input) => {
  const colors = defaultVariantColorsResolver(input);
  if (input.variant === 'filled' && (input.color === undefined || input.color === 'brand')) {
    return {
      ...colors,
      background: 'var(--fx-brand)',
      hover: 'var(--fx-brand-hover)',
      color: 'var(--fx-on-brand)',
      border: '1px solid transparent',
    };
  }
  if (input.variant === 'filled' && input.color === 'red') {
    return { ...colors, background: '#b42318', hover: '#912018', color: '#ffffff' };
  }
  return colors;
};

export const theme = createTheme({
  primaryColor: 'brand',
  primaryShade: { light: 7, dark: 4 },
  colors: { brand: teal, gray: stone, dark: night },
  black: '#1c1917',
  white: '#ffffff',
  fontFamily: 'var(--fx-font)',
  fontFamilyMonospace: 'var(--fx-mono)',
  headings: { fontFamily: 'var(--fx-font)', fontWeight: '600' },
  defaultRadius: 'md',
  cursorType: 'pointer',
  focusRing: 'auto',
  variantColorResolver: variantColors,
  components: {
    // Named, although it is the default: without a name Mantine does not ask variantColors.
    Button: { defaultProps: { fw: 550, variant: 'filled' } },
    ActionIcon: { defaultProps: { variant: 'default', size: 'lg' } },
    Modal: {
      defaultProps: { radius: 'lg', padding: 'lg', centered: true, overlayProps: { backgroundOpacity: 0.45, blur: 2 } },
      styles: { title: { fontSize: 16, fontWeight: 620 } },
    },
    // The placeholder is a focusable element that a menu may not have among its items; the first item takes the focus.
    Menu: {
      defaultProps: { radius: 'md', shadow: 'md', position: 'bottom-end', withInitialFocusPlaceholder: false },
    },
    Tooltip: { defaultProps: { withArrow: true, openDelay: 250 } },
    TextInput: { defaultProps: { size: 'md' } },
    PasswordInput: { defaultProps: { size: 'md' } },
    NativeSelect: { defaultProps: { size: 'md' } },
    Textarea: { defaultProps: { size: 'md' } },
  },
});

/** Mantine's own variables, pointed at the tokens that every page shares. */
export const cssVariables: CSSVariablesResolver = () => {
  const shared = {
    '--mantine-color-body': 'var(--fx-panel)',
    '--mantine-color-text': 'var(--fx-text)',
    '--mantine-color-dimmed': 'var(--fx-dim)',
    '--mantine-color-default': 'var(--fx-panel)',
    '--mantine-color-default-hover': 'var(--fx-sunken)',
    '--mantine-color-default-color': 'var(--fx-text)',
    '--mantine-color-default-border': 'var(--fx-line-strong)',
    '--mantine-color-placeholder': 'var(--fx-dim)',
    '--mantine-color-anchor': 'var(--fx-brand-text)',
    '--mantine-color-error': 'var(--fx-bad)',
  };
  return { variables: {}, light: shared, dark: shared };
};
