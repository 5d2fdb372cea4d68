// The console in headless Chromium, on a real host under load; times nothing but its patience.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { start } from './host.mjs';
import { faint } from './contrast.mjs';

const tools = resolve(import.meta.dirname, '../../target/console-tools');
const { chromium } = createRequire(join(tools, 'package.json'))('playwright-core');
const pictures = resolve(import.meta.dirname, '../../target/console');
mkdirSync(pictures, { recursive: true });

const TOKEN = 'a token of tests alone';
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

const host = await start({ TRM_CONSOLE_TOKEN: TOKEN });
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ARGUMENTS });
let steps = 0;
const step = (name) => {
  steps += 1;
  console.log(`console: ${name}`);
};
const metric = async (name) => {
  const text = await (await fetch(`${host.address}/metrics`)).text();
  return Number(text.split('\n').find((line) => line.startsWith(`${name} `))?.split(' ')[1]);
};

/** A page that fails the test where it logs an error or asks another host. */
async function open(options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.faults = [];
  page.on('console', (message) => message.type() === 'error' && page.faults.push(message.text()));
  page.on('pageerror', (error) => page.faults.push(error.message));
  page.on('request', (request) => request.url().startsWith(host.address) || page.faults.push(`asked ${request.url()}`));
  page.setDefaultTimeout(30000);
  await page.goto(`${host.address}/console`);
  await page.fill('#token', TOKEN);
  await page.press('#token', 'Enter');
  await page.waitForSelector('#state.live');
  return page;
}
const cell = (page, name, column) => page.locator('tr', { has: page.getByRole('button', { name, exact: true }) }).locator(`[data-label="${column}"]`);
const until = async (what, holds) => {
  for (let left = 150; !(await holds()); left--) {
    assert(left > 0, what);
    await new Promise((done) => setTimeout(done, 200));
  }
};

let loading = true;
async function load() {
  while (loading) {
    const answer = await fetch(`${host.address}/api/jobs?limit=2`);
    assert.equal(answer.status, 200);
    await answer.arrayBuffer();
  }
}

try {
  step('nobody without the token');
  const head = await fetch(`${host.address}/console`);
  assert.match(head.headers.get('content-security-policy'), /^default-src 'none'; script-src 'self'; style-src 'self'/);
  assert.equal((await fetch(`${host.address}/console/live`)).status, 401);
  assert.equal((await fetch(`${host.address}/console/reload`, { method: 'POST', headers: { 'x-trm-console': '1' } })).status, 401);
  const wrong = await fetch(`${host.address}/console/sign-in`, { method: 'POST', headers: { 'x-console-token': 'other' } });
  assert.equal(wrong.status, 401);

  const page = await open({ colorScheme: 'light', viewport: { width: 1280, height: 900 } });
  step('every function is listed');
  const listed = await page.locator('#rows tr').count();
  assert(listed > 30, `${listed} functions`);
  assert.match(await cell(page, 'jobs', 'Version').textContent(), /^[0-9a-f]{12}$/);

  step('numbers move under load');
  const loads = [load(), load()];
  await until('the rate of jobs', async () => parseFloat(await cell(page, 'jobs', 'Req/s').textContent()) > 0);
  await until('its p99', async () => /ms|s/.test(await cell(page, 'jobs', 'p99').textContent()));
  assert.equal(await cell(page, 'users-me', 'Req/s').textContent(), '0');
  await until('the hottest key', async () => /jobs:/.test(await page.textContent('#hottest')));

  step('a trap shows, and its log');
  assert.equal((await fetch(`${host.address}/panic/panic`)).status, 502);
  await until('a trap', async () => (await cell(page, 'panic', 'Traps').textContent()) === '1');
  assert.equal(await cell(page, 'panic', 'State').textContent(), 'failing');
  await page.getByRole('button', { name: 'panic', exact: true }).click();
  await until('its log', async () => /asked to panic|failed in the guest/.test(await page.textContent('#log')));
  assert.match(await page.textContent('#one-about'), /1 failed/);
  await page.screenshot({ path: join(pictures, 'light.png') });

  step('keys: / filters, Escape ends it, Enter selects');
  await page.locator('h1').click();
  await page.keyboard.press('/');
  await page.keyboard.type('leaderboard');
  assert.equal(await page.locator('#rows tr').count(), 1);
  await page.locator('#rows button').focus();
  await page.keyboard.press('Enter');
  assert.equal(await page.textContent('#one-name'), 'referrals-leaderboard');
  await page.locator('#filter').focus();
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('#rows tr').count(), listed);

  step('invalidation and reload');
  const before = await metric('trm_cache_invalidations_total');
  await page.fill('#what', 'jobs:*');
  await page.press('#what', 'Enter');
  await page.waitForFunction(() => document.querySelector('#invalidate-said').textContent.includes('is invalid'));
  assert.equal(await metric('trm_cache_invalidations_total'), before + 1);
  await page.getByRole('button', { name: 'referrals-leaderboard', exact: true }).click();
  await page.click('#reload');
  await until('the reload', async () => (await page.textContent('#log')).includes('reloaded: nothing has changed'));

  step('a request and its answer');
  await page.fill('#path', '/api/jobs?limit=1');
  await page.click('#request button');
  await page.waitForFunction(() => document.querySelector('#answer-status').textContent.startsWith('200'));
  assert.match(await page.textContent('#answer-body'), /"data": \[/);
  assert.match(await page.textContent('#answer-headers'), /content-type: application\/json/);

  step('its trace: each part and each call of the host with its time');
  await page.fill('#path', '/api/jobs/650000000300000000000003');
  await page.click('#request button');
  await page.waitForFunction(() => document.querySelector('#trace').textContent.includes('jobs:item'));
  const trace = await page.locator('#trace li').allTextContents();
  for (const part of [/^queue.*ms$/, /^guest.*ms$/, /^cache\.get-or-fill.*jobs:item:6500.*ms$/, /^documents\.find-one.*jobs.*ms$/]) {
    assert(trace.some((one) => part.test(one)), `${part} in ${trace}`);
  }
  const asked = await fetch(`${host.address}/api/jobs/650000000300000000000003`, { headers: { 'trm-follow': 'guessed' } });
  assert.equal(asked.headers.get('server-timing'), null);

  step('what it took to make a function ready');
  await page.getByRole('button', { name: 'jobs-by-id', exact: true }).click();
  assert.match(await page.textContent('#one-about'), /made ready in [\d.]+ ms: code [\d.]+ ms, imports [\d.]+ ms, first instance [\d.]+ ms/);

  step('contrast');
  assert.deepEqual(await page.evaluate(faint), []);
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.waitForTimeout(400);
  assert.deepEqual(await page.evaluate(faint), []);
  await page.screenshot({ path: join(pictures, 'dark.png') });

  step('a phone');
  const phone = await open({ colorScheme: 'light', viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
  await phone.waitForSelector('#rows tr');
  const widths = await phone.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  assert(widths[0] <= widths[1], `it is ${widths[0]} wide on ${widths[1]}`);
  assert.deepEqual(await phone.evaluate(faint), []);
  await phone.screenshot({ path: join(pictures, 'phone.png') });

  step('pages beyond the bound are refused');
  const [{ name, value }] = await page.context().cookies();
  const live = () => fetch(`${host.address}/console/live`, { headers: { cookie: `${name}=${value}` } });
  const more = await Promise.all(Array.from({ length: 16 }, live));
  const statuses = more.map((answer) => answer.status);
  assert.equal(statuses.filter((status) => status === 200).length, 14, `${statuses}`);
  assert.equal(statuses.filter((status) => status === 503).length, 2, `${statuses}`);
  assert.equal(await metric('trm_console_pages'), 16);

  loading = false;
  await Promise.all(loads);
  for (const one of [page, phone]) assert.deepEqual(one.faults, []);
} finally {
  loading = false;
  await browser.close();
  step(`the host ends with its pages open: ${await host.stop()}`);
}

const closed = await start({});
try {
  step('no token, no console');
  assert.equal((await fetch(`${closed.address}/console`)).status, 404);
} finally {
  await closed.stop();
}
console.log(`test result: ok. ${steps} passed; 0 failed; pictures are in ${pictures}`);
