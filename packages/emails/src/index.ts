export { renderMail } from './render.ts';
export type { Brand, MailData, MailKind, RenderedMail } from './mail.ts';
