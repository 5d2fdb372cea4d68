// A `trm serve` for the console's test, on a free port, with the application and one function that traps.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');
const trm = join(root, 'target/release/trm');

/** Starts it; its address, and how to end it. */
export async function start(settings) {
  const folder = mkdtempSync(join(tmpdir(), 'trm-console-'));
  const target = join(root, 'target/wasm32-wasip2/release');
  const manifest = readFileSync(join(root, 'spin.toml'), 'utf8').replaceAll('"target/wasm32-wasip2/release', `"${target}`);
  const trap = `\n[[trigger.http]]\nroute = "/trap/..."\ncomponent = "trap"\n[component.trap]\nsource = "${target}/guest_panic.wasm"\n`;
  writeFileSync(join(folder, 'spin.toml'), manifest + trap);
  const env = {
    PATH: process.env.PATH, PORT: '0', METRICS_PORT: '0', LISTEN_ADDR: '127.0.0.1',
    TRM_MANIFEST: join(folder, 'spin.toml'), TRM_DATA_DIR: folder,
    JWT_SECRET: 'a secret of tests alone, for tokens', API_KEY_SECRET: 'a secret of tests alone, for keys',
    ...settings,
  };
  const sample = spawnSync(trm, ['sample'], { env });
  if (sample.status !== 0) throw new Error(`trm sample: ${sample.stderr}`);
  const child = spawn(trm, ['serve'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const ended = new Promise((done) => child.once('exit', done));
  child.stderr.on('data', (text) => { said += text; });
  const address = await new Promise((found, failed) => {
    child.stdout.on('data', (text) => {
      said += text;
      const line = /listening on (http:\S+)/.exec(said);
      if (line) found(line[1]);
    });
    ended.then(() => failed(new Error(`trm serve has ended:\n${said}`)));
  });
  return {
    address,
    async stop() {
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), 15000);
      const status = await ended;
      clearTimeout(late);
      return status;
    },
  };
}
