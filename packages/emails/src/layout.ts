import { Body } from '@react-email/body';
import { Button } from '@react-email/button';
import { Column } from '@react-email/column';
import { Container } from '@react-email/container';
import { Head } from '@react-email/head';
import { Heading } from '@react-email/heading';
import { Hr } from '@react-email/hr';
import { Html } from '@react-email/html';
import { Link } from '@react-email/link';
import { Preview } from '@react-email/preview';
import { Row } from '@react-email/row';
import { Section } from '@react-email/section';
import { Text } from '@react-email/text';
import { createElement, type CSSProperties, type ReactElement, type ReactNode } from 'react';
import type { Brand } from './mail.ts';

const font = '-apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, Helvetica, Arial, sans-serif';

/** Mail clients that know the reader's colour scheme take these; the others keep the light colours written inline. */
const darkStyles = `
  :root { color-scheme: light dark; supported-color-schemes: light dark; }
  @media (prefers-color-scheme: dark) {
    .page { background-color: #1c1917 !important; }
    .card { background-color: #292524 !important; border-color: #44403c !important; }
    .ink { color: #f5f5f4 !important; }
    .faint { color: #a8a29e !important; }
    .rule { border-color: #44403c !important; }
    .action { background-color: #5eead4 !important; color: #042f2e !important; }
    .code { background-color: #1c1917 !important; color: #f5f5f4 !important; }
  }`;

export interface Letter {
  /** What an inbox shows beside the subject. */
  preview: string;
  title: string;
  body: ReactNode[];
  action: { label: string; url: string } | null;
  /** Small print under the action. */
  note: ReactNode;
  brand: Brand;
}

/** The one form every mail has: the seller's name, a title, a few blocks, at most one thing to do. */
export function letter({ preview, title, body, action, note, brand }: Letter): ReactElement {
  // The page's colour stands on a section of ours: Body puts its own on a cell that a dark style cannot reach.
  return createElement(
    Html,
    { lang: 'en', dir: 'ltr' },
    createElement(
      Head,
      null,
      createElement('meta', { name: 'color-scheme', content: 'light dark' }),
      createElement('meta', { name: 'supported-color-schemes', content: 'light dark' }),
      createElement('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
      createElement('title', null, title),
      createElement('style', null, darkStyles),
    ),
    createElement(Preview, null, preview),
    createElement(
      Body,
      { style: { margin: 0, padding: 0, fontFamily: font } },
      createElement(
        Section,
        { className: 'page', style: { backgroundColor: '#f5f5f4', padding: '32px 16px' } },
        createElement(
          Container,
          { style: { maxWidth: '520px', margin: '0 auto' } },
          createElement(Text, { className: 'ink', style: styles.seller }, brand.seller_name),
          createElement(
            Section,
            { className: 'card', style: styles.card },
            createElement(Heading, { as: 'h1', className: 'ink', style: styles.title }, title),
            ...body,
            action === null ? null : button(action),
            note === null ? null : createElement(Text, { className: 'faint', style: styles.note }, note),
          ),
          createElement(
            Text,
            { className: 'faint', style: styles.foot },
            `${brand.seller_name} sent this because of your account there. Questions: `,
            createElement(
              Link,
              { href: `mailto:${brand.support_email}`, className: 'faint', style: styles.footLink },
              brand.support_email,
            ),
          ),
        ),
      ),
    ),
  );
}

function button(action: { label: string; url: string }): ReactElement {
  return createElement(
    Section,
    { style: { padding: '8px 0 16px' } },
    createElement(Button, { href: action.url, className: 'action', style: styles.action }, action.label),
  );
}

export function paragraph(...children: ReactNode[]): ReactElement {
  return createElement(Text, { className: 'ink', style: styles.paragraph }, ...children);
}

export function strong(text: string): ReactElement {
  return createElement('strong', null, text);
}

export function code(text: string): ReactElement {
  return createElement('code', { className: 'code', style: styles.code }, text);
}

export function link(url: string, text: string): ReactElement {
  return createElement(
    Link,
    { href: url, className: 'ink', style: { color: '#0f766e', textDecoration: 'underline' } },
    text,
  );
}

/** Two columns, what and how much; the last row is the sum. */
export function amounts(
  rows: readonly { description: string; amount: string }[],
  total: { description: string; amount: string } | null,
): ReactElement {
  const all = [
    ...rows.map((row) => ({ ...row, isTotal: false })),
    ...(total === null ? [] : [{ ...total, isTotal: true }]),
  ];
  return createElement(
    Section,
    { style: { padding: '4px 0 12px' } },
    ...all.flatMap(({ description, amount, isTotal }, position) => {
      const style: CSSProperties = { ...styles.cell, fontWeight: isTotal ? 600 : 400 };
      return [
        isTotal
          ? createElement(Hr, { key: 'rule', className: 'rule', style: { borderColor: '#e7e5e4', margin: '4px 0' } })
          : null,
        createElement(Row, {
          key: position,
          // oxlint-disable-next-line react/no-children-prop -- Row's type asks for its children among the props
          children: [
            createElement(Column, { key: 'what', className: 'ink', style }, description),
            createElement(Column, { key: 'amount', className: 'ink', style: { ...style, ...styles.right } }, amount),
          ],
        }),
      ];
    }),
  );
}

const ink = '#1c1917';
const faint = '#57534e';
const styles = {
  seller: { color: ink, fontSize: '15px', fontWeight: 600, margin: '0 0 16px' },
  card: { backgroundColor: '#ffffff', border: '1px solid #e7e5e4', borderRadius: '10px', padding: '28px 28px 16px' },
  title: { color: ink, fontSize: '21px', lineHeight: '28px', fontWeight: 600, margin: '0 0 12px' },
  paragraph: { color: ink, fontSize: '15px', lineHeight: '24px', margin: '0 0 12px' },
  action: {
    backgroundColor: '#0f766e',
    color: '#ffffff',
    borderRadius: '8px',
    fontSize: '15px',
    fontWeight: 600,
    padding: '12px 20px',
    textDecoration: 'none',
  },
  code: {
    backgroundColor: '#f5f5f4',
    color: ink,
    borderRadius: '4px',
    fontFamily: 'ui-monospace, Menlo, Consolas, monospace',
    fontSize: '14px',
    padding: '2px 5px',
  },
  note: { color: faint, fontSize: '13px', lineHeight: '20px', margin: '0 0 12px', wordBreak: 'break-word' },
  foot: { color: faint, fontSize: '13px', lineHeight: '20px', margin: '16px 0 0' },
  footLink: { color: faint, textDecoration: 'underline' },
  right: { textAlign: 'right', whiteSpace: 'nowrap' },
  cell: { color: ink, fontSize: '15px', lineHeight: '22px', padding: '5px 0', verticalAlign: 'top' },
} as const;
