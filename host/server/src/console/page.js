// The console's page: follows the host's events, draws them, and sends what its buttons ask for.
import { bar, between, bytes, count, duration, events, make, number, quantile, sum, time, timing } from '/console/parts.js';

const $ = (id) => document.getElementById(id);
const WINDOW = 10; // seconds that rates and quantiles are of
const MINUTE = 60;
const LINES = 400;
const OWN = { 'x-trm-console': '1' };

const COLUMNS = [
  { key: 'name', label: 'Function', of: (one) => one.name },
  { key: 'route', label: 'Route', of: (one) => one.about },
  { key: 'version', label: 'Version', of: (one) => one.version },
  { key: 'state', label: 'State', of: (one) => one.state },
  { key: 'rate', label: 'Req/s', number: true, of: (one) => one.rate, show: number },
  { key: 'p50', label: 'p50', number: true, of: (one) => one.p50, show: time },
  { key: 'p99', label: 'p99', number: true, of: (one) => one.p99, show: time },
  { key: 'instances', label: 'Instances', number: true, of: (one) => one.instances },
  { key: 'memory', label: 'Memory', number: true, of: (one) => one.memory, show: bytes },
  { key: 'traps', label: 'Traps', number: true, of: (one) => one.traps },
];

const history = []; // { at, functions, total }, oldest first
const lines = [];
let shown = [];
let order = { key: 'name', down: false };
let selected = null;
let followKey = '';

/* ---- what is served ---- */

function take(event) {
  const { functions, edges } = event.numbers;
  history.push({ at: performance.now() / 1000, functions, total: sum(functions) });
  if (history.length > MINUTE + 1) history.shift();
  const now = history.at(-1);
  const then = history.at(Math.max(0, history.length - 1 - WINDOW));
  const seconds = Math.max(now.at - then.at, 0.001);
  shown = Object.entries(functions).map(([name, one]) => {
    const recent = then === now ? { rate: 0, errors: 0, buckets: [] } : between(then.functions[name], one, seconds);
    return {
      ...one, name,
      about: one.routes.join(' ') || (one.schedule ? `every ${duration(one.schedule)}` : 'private'),
      rate: recent.rate,
      p50: quantile(recent.buckets, edges, 0.5),
      p99: quantile(recent.buckets, edges, 0.99),
      state: recent.errors > 0 ? 'failing' : one.inFlight > 0 ? 'busy' : one.instances > 0 ? 'ready' : 'idle',
    };
  });
  const all = then === now ? { rate: 0, buckets: [] } : between(then.total, now.total, seconds);
  $('version').textContent = event.version;
  $('uptime').textContent = duration(event.uptimeSeconds);
  $('rate').textContent = number(all.rate);
  $('slowest').textContent = time(quantile(all.buckets, edges, 0.99));
  $('memory').textContent = bytes(event.numbers.gauges.process_resident_memory_bytes ?? now.total.memory);
  $('origin').textContent = event.origin;
  drawRows();
  drawChart();
  drawStores(event.numbers);
  $('hottest').replaceChildren(...event.hottest.map(([owner, key, asked]) =>
    make('li', { title: `kept by ${owner}` }, make('code', {}, key), make('b', {}, count(asked)))));
  lines.push(...event.log);
  lines.splice(0, lines.length - LINES);
  if (event.log.length) drawLog();
}

function drawColumns() {
  $('columns').replaceChildren(...COLUMNS.map((column) => {
    const button = make('button', { type: 'button' }, column.label);
    button.addEventListener('click', () => {
      order = { key: column.key, down: order.key === column.key ? !order.down : !!column.number };
      drawColumns();
      drawRows();
      $('columns').children[COLUMNS.indexOf(column)].firstChild.focus();
    });
    const sorted = order.key === column.key ? (order.down ? 'descending' : 'ascending') : 'none';
    return make('th', { scope: 'col', 'aria-sort': sorted, class: column.number ? 'number' : '' }, button);
  }));
}

const rows = new Map();

function row(name) {
  if (!rows.has(name)) {
    const button = make('button', { type: 'button' }, name);
    button.addEventListener('click', () => select(selected === name ? null : name));
    const cells = COLUMNS.map((column, at) => make('td', at ? { 'data-label': column.label, class: column.number ? 'number' : column.key } : { class: 'name' }));
    cells[0].append(button);
    rows.set(name, make('tr', {}, ...cells));
  }
  return rows.get(name);
}

function drawRows() {
  const words = $('filter').value.toLowerCase();
  const column = COLUMNS.find((one) => one.key === order.key);
  const fits = shown.filter((one) => `${one.name} ${one.about}`.toLowerCase().includes(words));
  const rank = (one) => column.of(one) ?? -1;
  fits.sort((a, b) => (rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : a.name < b.name ? -1 : 1) * (order.down ? -1 : 1));
  const drawn = fits.map((one) => {
    const element = row(one.name);
    element.classList.toggle('chosen', selected === one.name);
    element.firstChild.firstChild.setAttribute('aria-pressed', String(selected === one.name));
    COLUMNS.forEach((column, at) => {
      if (!at) return;
      const cell = element.children[at];
      const value = column.of(one);
      const text = column.show ? column.show(value) : String(value);
      if (cell.textContent !== text) cell.textContent = text;
      if (column.key === 'state') cell.className = { failing: 'bad', busy: 'warn', ready: 'good' }[text] ?? '';
      if (column.key === 'traps') cell.className = value ? 'number bad' : 'number';
    });
    return element;
  });
  const body = $('rows');
  // A row that has not moved keeps its focus.
  const same = drawn.length === body.children.length && drawn.every((one, at) => one === body.children[at]);
  if (!same) {
    const focused = document.activeElement;
    body.replaceChildren(...drawn);
    if (body.contains(focused)) focused.focus();
  }
  $('none').hidden = drawn.length > 0;
}

function select(name) {
  selected = name;
  drawRows();
  drawChart();
  drawLog();
}

function drawChart() {
  const one = shown.find((one) => one.name === selected);
  $('one-name').textContent = one ? one.name : 'All functions';
  $('one-about').textContent = one
    ? `${one.about} · version ${one.version} · ${count(one.requests)} requests, ${count(one.errors)} failed, ${count(one.shed)} refused at a bound${one.start ? started(one.start) : ''}`
    : 'Choose a function to see it alone.';
  const counts = history.map((moment) => (one ? moment.functions[one.name]?.requests : moment.total.requests) ?? 0);
  const each = counts.slice(1).map((now, at) => Math.max(now - counts[at], 0));
  const top = Math.max(...each, 1);
  const from = MINUTE - each.length;
  const points = each.map((height, at) => `${((from + at) / (MINUTE - 1) * 300).toFixed(1)},${(58 - height / top * 54).toFixed(1)}`);
  $('chart').firstElementChild.setAttribute('d', points.length > 1 ? `M${points[0].split(',')[0]},60 L${points.join(' L')} L300,60 Z` : '');
  $('chart-said').textContent = `Requests in each second of the last minute, at most ${count(top)}`;
}

const started = ({ mapUs, linkUs, instanceUs }) => {
  const ms = (micros) => `${(micros / 1000).toFixed(1)} ms`;
  return ` · made ready in ${ms(mapUs + linkUs + instanceUs)}: code ${ms(mapUs)}, imports ${ms(linkUs)}, first instance ${ms(instanceUs)}`;
};

/** What the host says of a request: its parts and its calls, each with its time. */
function drawTrace(header) {
  const parts = timing(header);
  const end = Math.max(...parts.map(({ at, dur }) => at + (dur ?? 0)), 0.001);
  $('trace').replaceChildren(...parts.map(({ name, desc, at, dur }) => make('li', {},
    make('code', {}, name), make('span', {}, desc), bar(at / end, (dur ?? end - at) / end),
    make('b', {}, dur === null ? 'no answer' : `${dur.toFixed(2)} ms`))));
}

function drawLog() {
  const log = $('log');
  const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
  const fits = lines.filter((line) => !selected || line.function === selected);
  log.replaceChildren(...fits.map((line) => make('li', { class: { error: 'bad', warn: 'warn' }[line.level] ?? '' },
    make('time', {}, new Date(line.at).toLocaleTimeString('en-GB')),
    make('span', {}, `${line.level} ${line.function ?? ''}`), line.text)));
  if (atEnd) log.scrollTop = log.scrollHeight;
}

const STATES = ['closed', 'half open', 'open'];

function drawStores({ hits, misses, breakers, pools, gauges }) {
  const tiers = [...new Set([...Object.keys(hits), ...Object.keys(misses)])].sort();
  $('tiers').replaceChildren(...tiers.map((tier) => {
    const [hit, all] = [hits[tier] ?? 0, (hits[tier] ?? 0) + (misses[tier] ?? 0)];
    const share = all ? hit / all : 0;
    const said = all ? `${(share * 100).toFixed(1)} % of ${count(all)}` : 'not asked';
    return make('div', { class: 'tier' }, tier, make('meter', { value: share, 'aria-label': `Hits of ${tier}` }), make('b', {}, said));
  }));
  const facts = [
    ['L1', `${count(gauges.trm_cache_keys ?? 0)} keys, ${bytes(gauges.trm_cache_bytes ?? 0)}`],
    ...Object.entries(breakers).map(([name, state]) => [`Breaker of ${name}`, STATES[state] ?? state]),
    ...Object.entries(pools).map(([name, pool]) => [`Pool of ${name}`, `${pool.in_use ?? 0} in use, ${pool.open ?? 0} open, ${pool.limit ?? 0} at most`]),
    ['Connections', count(gauges.trm_connections ?? 0)],
  ];
  $('stores').replaceChildren(...facts.flatMap(([name, text]) => [make('dt', {}, name),
    make('dd', { class: text === 'open' ? 'bad' : '' }, text)]));
}

/* ---- what is asked for ---- */

async function ask(path, headers = {}) {
  const response = await fetch(path, { method: 'POST', headers: { ...OWN, ...headers } });
  const text = await response.text();
  if (response.ok) return null;
  try {
    return JSON.parse(text).detail;
  } catch {
    return `${response.status} ${text}`;
  }
}

function said(id, fault, done) {
  $(id).textContent = fault ?? done;
  $(id).classList.toggle('fault', fault !== null);
}

$('reload').addEventListener('click', async () => {
  said('reload-said', await ask('/console/reload'), 'Reloaded; the log says what has changed.');
});

$('invalidate').addEventListener('submit', async (event) => {
  event.preventDefault();
  const what = $('what').value.trim();
  const [kind, value] = what.startsWith('tag:') ? ['tag', what.slice(4)] : ['pattern', what];
  said('invalidate-said', await ask(`/console/invalidate?${kind}=${encodeURIComponent(value)}`), `${what} is invalid on every host.`);
});

$('request').addEventListener('submit', async (event) => {
  event.preventDefault();
  const method = $('method').value;
  const began = performance.now();
  try {
    const headers = new Headers($('headers').value.split('\n').filter((line) => line.includes(':')).map((line) => {
      const at = line.indexOf(':');
      return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    }));
    const body = $('body').value;
    if (body && !headers.has('content-type')) headers.set('content-type', 'application/json');
    if ($('path').value.startsWith('/')) headers.set('trm-follow', followKey);
    const response = await fetch($('path').value, { method, headers, cache: 'no-store', body: method === 'GET' ? undefined : body || undefined });
    const text = await response.text();
    $('answer-status').textContent = `${response.status} ${response.statusText}`;
    $('answer-status').className = response.ok ? 'good' : 'bad';
    $('answer-time').textContent = `${(performance.now() - began).toFixed(1)} ms seen from here`;
    $('answer-headers').textContent = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
    $('answer-body').textContent = pretty(text);
    drawTrace(response.headers.get('server-timing'));
  } catch (error) {
    $('answer-status').textContent = String(error.message ?? error);
    $('answer-status').className = 'bad';
    for (const id of ['answer-time', 'answer-headers', 'answer-body', 'trace']) $(id).textContent = '';
  }
  $('answer').hidden = false;
});

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/* ---- the way to the host ---- */

function state(name, text) {
  $('state').className = name;
  if ($('state-text').textContent !== text) $('state-text').textContent = text;
}

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

async function follow() {
  for (;;) {
    try {
      const known = await (await fetch('/console/signed-in', { cache: 'no-store' })).json();
      if (!known.signedIn) {
        state('lost', 'Not signed in');
        $('sign-in').hidden = false;
        $('main').hidden = true;
        $('token').focus();
        return;
      }
      followKey = known.followKey;
      const response = await fetch('/console/live', { cache: 'no-store' });
      if (!response.ok) throw new Error(`${response.status}`);
      $('main').hidden = false;
      for await (const event of events(response)) {
        state('live', 'Live');
        take(event);
      }
    } catch {
      // Said below: whether the host is away or has ended the stream, it is asked again.
    }
    state('lost', 'The host does not answer; trying again');
    history.length = 0;
    await wait(1000);
  }
}

$('sign-in').addEventListener('submit', async (event) => {
  event.preventDefault();
  const fault = await ask('/console/sign-in', { 'x-console-token': $('token').value });
  $('sign-in-fault').textContent = fault ?? '';
  if (fault !== null) return;
  $('token').value = '';
  $('sign-in').hidden = true;
  follow();
});

$('filter').addEventListener('input', drawRows);
document.addEventListener('keydown', (event) => {
  const typing = event.target.closest('input, textarea, select');
  if (event.key === '/' && !typing) {
    event.preventDefault();
    $('filter').focus();
  } else if (event.key === 'Escape' && event.target === $('filter')) {
    $('filter').value = '';
    drawRows();
  }
});
drawColumns();
follow();
