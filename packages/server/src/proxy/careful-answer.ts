import { type IncomingMessage, request as startRequest } from 'node:http';
import { Duplex } from 'node:stream';

/** What becomes of an answer that is read by the complete parser. */
export interface CarefulReader {
  answered(answer: IncomingMessage): void;
  /** The answer is over. True: whole, and its connection can be asked again. */
  over(isKept: boolean): void;
  failed(error: Error): void;
}

/** The connection an answer comes on, for a client of `node:http` that believes it has asked itself. */
export class CarefulAnswer extends Duplex {
  private readonly source: { pause(): void; resume(): void };
  private readonly reader: CarefulReader;
  private isOver = false;

  /** `source` is read when there is room; `hear` is given what it says, from the first byte of the answer. */
  constructor(source: { pause(): void; resume(): void }, method: string, reader: CarefulReader) {
    super({ allowHalfOpen: true });
    this.source = source;
    this.reader = reader;
    const asked = startRequest({ createConnection: () => this, method, path: '/', setHost: false });
    asked.on('response', (answer) => {
      answer.once('end', () => {
        this.isOver = true;
        // What came behind it was not asked for.
        reader.over(isKept(answer) && !this.destroyed && this.readableLength === 0 && !this.readableEnded);
        this.destroy();
      });
      answer.once('error', (error) => this.isOver || reader.failed(error));
      reader.answered(answer);
    });
    asked.on('upgrade', (_answer, connection) => {
      connection.destroy();
      reader.failed(new Error('the API answered 101 to a request that asked for no upgrade'));
    });
    asked.on('error', (error) => this.isOver || reader.failed(error));
    asked.end();
  }

  hear(bytes: Buffer): void {
    if (!this.push(bytes)) this.source.pause();
  }

  /** Nothing more is said. */
  ends(): void {
    this.push(null);
  }

  override _read(): void {
    this.source.resume();
  }

  /** The request was sent before the answer came. */
  override _write(_chunk: Buffer, _encoding: BufferEncoding, written: () => void): void {
    written();
  }

  override _destroy(error: Error | null, destroyed: (error: Error | null) => void): void {
    if (!this.isOver) this.reader.failed(error ?? new Error('the answer was broken off'));
    destroyed(error);
  }
}

function isKept({ headers, httpVersion }: IncomingMessage): boolean {
  const isFramed = headers['transfer-encoding'] !== undefined || headers['content-length'] !== undefined;
  return isFramed && httpVersion === '1.1' && !/\bclose\b/i.test(headers.connection ?? '');
}
