// A host for the console's test, with the application and one guest that traps, by the program `harness`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const program = resolve(import.meta.dirname, '../../target/release/harness');

/** Starts it; its address, and how to end it. */
export async function start(settings) {
  // A session of its own: when this process ends, so does its input, and it stops what it has started.
  const harness = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const lines = createInterface({ input: harness.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value } = await lines.next();
    const told = JSON.parse(value ?? '{"error": "the harness has ended"}');
    if (told.error) throw new Error(told.error);
    return told;
  };
  const order = (words) => {
    harness.stdin.write(`${JSON.stringify(words)}\n`);
    return answer();
  };
  const { folder } = await answer();
  const { manifest } = await order({ do: 'guests', guests: { panic: '' }, functions: true });
  settings = { TRM_MANIFEST: manifest, TRM_DATA_DIR: join(folder, 'data'), ...settings };
  await order({ do: 'sample', settings });
  const host = await order({ do: 'host', name: 'console', settings: { NODE_ENV: 'test', ...settings } });
  return {
    address: host.url,
    async stop() {
      const { status } = await order({ do: 'stop', process: host.number, signal: 15, most: 15 });
      harness.stdin.end();
      await once(harness, 'exit');
      return status;
    },
  };
}
