import { invariant } from './invariant.ts';

/** What ids begin with that are packed; any other text is kept as it is. */
const prefixes = ['key_', 'cust_'] as const;
/** Base62 after the prefix (`lib/id.ts`). Its characters are characters of base64 too, of six bits each. */
const bodyLength = 30;
const isBody = new RegExp(`^[0-9A-Za-z]{${bodyLength}}$`);
/** 180 bits, and before them 12 that stand for no character: the first byte says which prefix it is, and 0 that it is a text. */
const idBytes = 24;
const mostText = 0xffff;

/** Writes values one after the other into a buffer of its own, which grows. */
export function createWriter() {
  let buffer = Buffer.allocUnsafeSlow(1024);
  let at = 0;

  function room(bytes: number): void {
    if (at + bytes <= buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(buffer.length * 2, at + bytes));
    buffer.copy(larger, 0, 0, at);
    buffer = larger;
  }

  const writer = {
    begin(): void {
      at = 0;
    },
    length: () => at,
    /** What was written since `begin`. Written over by the next. */
    buffer: () => buffer,
    u8(value: number): void {
      room(1);
      buffer[at] = value;
      at += 1;
    },
    u16(value: number): void {
      room(2);
      at = buffer.writeUInt16LE(value, at);
    },
    u32(value: number): void {
      room(4);
      at = buffer.writeUInt32LE(value, at);
    },
    f64(value: number): void {
      room(8);
      at = buffer.writeDoubleLE(value, at);
    },
    /** A whole number ≥ 0 in seven bits a byte: a small one takes one, an instant six. */
    count(value: number): void {
      room(9);
      let rest = value;
      while (rest >= 0x80) {
        buffer[at] = (rest % 0x80) | 0x80;
        at += 1;
        rest = Math.floor(rest / 0x80);
      }
      buffer[at] = rest;
      at += 1;
    },
    /** A `count` where it is one. */
    number(value: number, is_count: boolean): void {
      if (is_count) writer.count(value);
      else writer.f64(value);
    },
    /** Bytes as they are. */
    raw(from: Buffer, start: number, end: number): void {
      room(end - start);
      at += from.copy(buffer, at, start, end);
    },
    text(value: string): void {
      const bytes = Buffer.byteLength(value);
      invariant(bytes <= mostText, 'a packed text is short');
      writer.u16(bytes);
      room(bytes);
      at += buffer.write(value, at);
    },
    /** An id in 24 bytes, where it has the form of one. */
    id(value: string): void {
      const place = prefixes.findIndex((prefix) => value.startsWith(prefix));
      const body = place === -1 ? '' : value.slice(prefixes[place]?.length);
      if (!isBody.test(body)) {
        writer.u8(0);
        writer.text(value);
        return;
      }
      room(idBytes);
      buffer.write(`AA${body}`, at, idBytes, 'base64');
      buffer[at] = place + 1;
      at += idBytes;
    },
  };
  return writer;
}

export type Writer = ReturnType<typeof createWriter>;

const scratch = Buffer.alloc(64);

/** Reads them again, in the same order. */
export function createReader() {
  let buffer: Buffer = scratch;
  let at = 0;
  const reader = {
    begin(of: Buffer, from: number): void {
      buffer = of;
      at = from;
    },
    at: () => at,
    u8(): number {
      at += 1;
      return buffer[at - 1] ?? 0;
    },
    u16(): number {
      at += 2;
      return buffer.readUInt16LE(at - 2);
    },
    u32(): number {
      at += 4;
      return buffer.readUInt32LE(at - 4);
    },
    f64(): number {
      at += 8;
      return buffer.readDoubleLE(at - 8);
    },
    count(): number {
      let value = 0;
      for (let scale = 1; ; scale *= 0x80) {
        const byte = reader.u8();
        value += (byte & 0x7f) * scale;
        if (byte < 0x80) return value;
      }
    },
    number: (is_count: boolean): number => (is_count ? reader.count() : reader.f64()),
    text(): string {
      const length = reader.u16();
      at += length;
      return buffer.toString('utf8', at - length, at);
    },
    id(): string {
      const place = buffer[at] ?? 0;
      if (place === 0) {
        at += 1;
        return reader.text();
      }
      const prefix = prefixes[place - 1] ?? '';
      at += idBytes;
      // Through a buffer, so that it is one text and not a tree of three.
      scratch.write(buffer.toString('base64', at - idBytes, at), prefix.length - 2, 'latin1');
      scratch.write(prefix, 0, 'latin1');
      return scratch.toString('latin1', 0, prefix.length + bodyLength);
    },
  };
  return reader;
}

export type Reader = ReturnType<typeof createReader>;

/** Whether `count` can say it. */
export function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
