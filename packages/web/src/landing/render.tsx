import { renderToStaticMarkup } from 'react-dom/server';
import fontUrl from '@fontsource-variable/inter/files/inter-latin-wght-normal.woff2?url';
import faviconUrl from '../assets/favicon.svg?url';
import font from '../ui/font.css?inline';
import tokens from '../ui/tokens.css?inline';
import { jsonLd } from './json-ld.ts';
import { LandingPage } from './LandingPage.tsx';
import page from './landing.css?inline';
import type { LandingProps } from './props.ts';

/** The page's whole style sheet, inlined so that the first paint waits for nothing. */
const style = `${font}${tokens}${page}`;

/**
 * The landing page as a complete HTML document. It runs no script; its only inline parts are one `<style>` element,
 * whose text is `landingStyle`, and a JSON-LD data block.
 */
export function renderLanding(props: LandingProps): string {
  return `<!doctype html>${renderToStaticMarkup(<Document {...props} />)}`;
}

/** The text of the `<style>` element, for a `style-src 'sha256-…'` in the Content-Security-Policy. */
export const landingStyle = style;

function Document(props: LandingProps) {
  const { seller } = props;
  const title = `${seller.name}: ${seller.tagline}`;
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="theme-color" media="(prefers-color-scheme: light)" content="#fafaf9" />
        <meta name="theme-color" media="(prefers-color-scheme: dark)" content="#0f0d0c" />
        <title>{title}</title>
        <meta name="description" content={seller.description} />
        <meta property="og:type" content="website" />
        <meta property="og:title" content={title} />
        <meta property="og:description" content={seller.description} />
        <meta property="og:site_name" content={seller.name} />
        <meta name="twitter:card" content="summary" />
        <link rel="icon" type="image/svg+xml" href={faviconUrl} />
        <link rel="preload" as="font" type="font/woff2" href={fontUrl} crossOrigin="anonymous" />
        <style dangerouslySetInnerHTML={{ __html: style }} />
        <script type="application/ld+json" dangerouslySetInnerHTML={{ __html: jsonLd(props) }} />
      </head>
      <body>
        <LandingPage {...props} />
      </body>
    </html>
  );
}
