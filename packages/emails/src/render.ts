import type { Brand, MailData, MailKind, RenderedMail } from './mail.ts';
import { refuseUnsafe } from './safe.ts';

/**
 * Renders one mail; the text version comes from the same tree as the HTML. Throws when a text has a control character,
 * so that nothing a customer typed can end a header or a line.
 */
export async function renderMail<K extends MailKind>(kind: K, data: MailData[K], brand: Brand): Promise<RenderedMail> {
  refuseUnsafe(data, kind);
  refuseUnsafe(brand, 'brand');
  // Loaded with the first mail: the components take longer to load than the rest of the program.
  const [{ render, toPlainText }, { templates }] = await Promise.all([
    import('@react-email/render'),
    import('./templates.ts'),
  ]);
  const template = templates[kind];
  const html = await render(template.letter(data, brand));
  return { subject: template.subject(data, brand), html, text: toPlainText(html) };
}
