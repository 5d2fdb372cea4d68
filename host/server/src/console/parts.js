// What the page computes and builds, apart from what it is connected to: rates, quantiles, elements.

/** An element with text or children; text is never read as HTML. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** The events of a stream, until it ends. */
export async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) {
      if (block.startsWith('data: ')) yield JSON.parse(block.slice(6));
    }
  }
}

const EMPTY = { requests: 0, errors: 0, buckets: [] };

/** What happened between two moments, of one function or of the sum of all. */
export function between(before, after, seconds) {
  const old = before ?? EMPTY;
  // A function that has been started anew counts from nothing.
  const since = (now, then) => (now >= then ? now - then : now);
  const buckets = after.buckets.map((count, at) => since(count, old.buckets[at] ?? 0));
  return {
    rate: since(after.requests, old.requests) / seconds,
    errors: since(after.errors, old.errors) / seconds,
    buckets,
  };
}

/** The time within which a share of the answers came, in seconds; null where there were none. */
export function quantile(buckets, edges, share) {
  const all = buckets.at(-1) ?? 0;
  if (!all) return null;
  const rank = share * all;
  const at = buckets.findIndex((count) => count >= rank);
  const below = at ? Number(edges[at - 1]) : 0;
  const above = edges[at] === '+Inf' ? below : Number(edges[at]);
  const under = at ? buckets[at - 1] : 0;
  return below + ((above - below) * (rank - under)) / Math.max(buckets[at] - under, 1);
}

/** The sum of all functions. */
export function sum(functions) {
  const total = { requests: 0, errors: 0, buckets: [], memory: 0 };
  for (const one of Object.values(functions)) {
    total.requests += one.requests;
    total.errors += one.errors;
    total.memory += one.memory;
    one.buckets.forEach((count, at) => { total.buckets[at] = (total.buckets[at] ?? 0) + count; });
  }
  return total;
}

/** A Server-Timing header (W3C), whose own `at` is in milliseconds as `dur` is. */
export function timing(header) {
  const entry = /([\w.-]+)((?:;\w+=(?:"[^"]*"|[^;,]*))*)/g;
  return [...(header ?? '').matchAll(entry)].map(([, name, rest]) => {
    const given = Object.fromEntries([...rest.matchAll(/;(\w+)=(?:"([^"]*)"|([^;,]*))/g)].map(([, key, quoted, plain]) => [key, quoted ?? plain]));
    return { name, desc: given.desc ?? '', at: Number(given.at ?? 0), dur: given.dur === undefined ? null : Number(given.dur) };
  });
}

const SVG = 'http://www.w3.org/2000/svg';

/** A bar from one share of a line, over another share of it. */
export function bar(from, share) {
  const svg = document.createElementNS(SVG, 'svg');
  const rect = document.createElementNS(SVG, 'rect');
  for (const [key, value] of Object.entries({ viewBox: '0 0 100 4', preserveAspectRatio: 'none', 'aria-hidden': 'true' })) svg.setAttribute(key, value);
  for (const [key, value] of Object.entries({ x: from * 100, y: 0, width: Math.max(share * 100, 0.5), height: 4 })) rect.setAttribute(key, value);
  svg.append(rect);
  return svg;
}

export const number = (value) => value >= 100 ? Math.round(value).toLocaleString('en') : value ? value.toFixed(1) : '0';
export const count = (value) => Math.round(value).toLocaleString('en');
export const bytes = (value) => value >= 1 << 20 ? `${(value / (1 << 20)).toFixed(1)} MiB` : `${Math.round(value / 1024)} KiB`;
export function time(seconds) {
  if (seconds === null) return '–';
  const ms = seconds * 1000;
  return ms >= 1000 ? `${seconds.toFixed(1)} s` : ms >= 10 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`;
}
export function duration(seconds) {
  const parts = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
  const first = parts.findIndex(([size]) => seconds >= size);
  return parts.slice(first < 0 ? 3 : first).slice(0, 2).map(([size, unit]) => {
    const count = Math.floor(seconds / size);
    seconds %= size;
    return `${count} ${unit}`;
  }).join(' ');
}
