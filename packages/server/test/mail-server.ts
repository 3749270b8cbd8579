import type { AddressInfo } from 'node:net';
import { simpleParser, type ParsedMail } from 'mailparser';
import { SMTPServer } from 'smtp-server';

/** A real SMTP server on this machine that keeps what it is given. */
export interface MailServer {
  url: string;
  received: { mail: ParsedMail; raw: string; to: string[] }[];
  /** Refuse this many of the next mails, as a server that is busy does. */
  refuse(times: number): void;
  close(): Promise<void>;
}

export async function startMailServer(): Promise<MailServer> {
  const received: MailServer['received'] = [];
  let refusals = 0;
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (refusals > 0) {
          refusals -= 1;
          callback(Object.assign(new Error('busy, try again'), { responseCode: 451 }));
          return;
        }
        const raw = Buffer.concat(chunks);
        simpleParser(raw, (error: Error | null, mail) => {
          if (error !== null) return callback(error);
          received.push({ mail, raw: raw.toString('utf8'), to: session.envelope.rcptTo.map(({ address }) => address) });
          callback();
        });
      });
    },
  });
  server.on('error', () => undefined); // a client that hangs up in the middle is part of the tests
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address: AddressInfo | string | null = server.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `smtp://127.0.0.1:${port}`,
    received,
    refuse: (times) => void (refusals = times),
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}
