// UTF-8 for an engine that brings no TextEncoder and no TextDecoder, which bson needs; whole texts only, no streams.

class Encoder {
  encode(text = "") {
    // The engine's own escapes, which are compiled, give one character for each byte.
    const bytes = unescape(encodeURIComponent(text));
    const encoded = new Uint8Array(bytes.length);
    for (let at = 0; at < bytes.length; at += 1) encoded[at] = bytes.charCodeAt(at);
    return encoded;
  }
}

// How many bytes one call may take as its arguments.
const PART = 8192;

class Decoder {
  /** Throws where the bytes are no UTF-8, as with `fatal`. */
  decode(bytes = new Uint8Array()) {
    let text = "";
    for (let at = 0; at < bytes.length; at += PART) {
      text += String.fromCharCode.apply(null, bytes.subarray(at, at + PART));
    }
    return decodeURIComponent(escape(text));
  }
}

globalThis.TextEncoder ??= Encoder;
globalThis.TextDecoder ??= Decoder;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** A text as UTF-8. */
export const encode = (text) => encoder.encode(text);
/** UTF-8 as a text. */
export const decode = (bytes) => decoder.decode(bytes);
